// `lbctl tag`: the owner's words about his process.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

void add_tag_command(CLI::App& lbctl, Context& context);

}  // namespace lb::cli
