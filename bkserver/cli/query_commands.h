// Commands that ask the server: status, why, history, jobs, dead, rebuild, server.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

void add_query_commands(CLI::App& lbctl, Context& context);

}  // namespace lb::cli
