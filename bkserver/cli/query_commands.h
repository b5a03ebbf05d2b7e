// lbctl status, why, history: what is known of one process.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

void add_query_commands(CLI::App& lbctl, Context& context);

}  // namespace lb::cli
