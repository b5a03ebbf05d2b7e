// `lbctl completion bash`: commands and options for the shell, from the command tree itself.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

void add_completion_command(CLI::App& lbctl, Context& context);

}  // namespace lb::cli
