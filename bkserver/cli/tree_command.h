// lbctl tree: a process with what it is related to.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

void add_tree_command(CLI::App& lbctl, Context& context);

}  // namespace lb::cli
