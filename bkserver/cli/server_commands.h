// lbctl dead, rebuild, server, index: for who keeps a server.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

void add_server_commands(CLI::App& lbctl, Context& context);

}  // namespace lb::cli
