// lbctl find, tree: processes by what they are related to.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

void add_relation_commands(CLI::App& lbctl, Context& context);

}  // namespace lb::cli
