// lbctl find: who has or had an address, a name, a host.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

void add_find_command(CLI::App& lbctl, Context& context);

}  // namespace lb::cli
