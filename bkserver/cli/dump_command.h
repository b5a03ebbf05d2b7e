// `lbctl dump`: stored events as lines of ULM, for archives, other servers and the original's
// tools.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

void add_dump_command(CLI::App& lbctl, Context& context);

}  // namespace lb::cli
