// lbctl jobs, events, count, watch: queries over all processes.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

void add_search_commands(CLI::App& lbctl, Context& context);

}  // namespace lb::cli
