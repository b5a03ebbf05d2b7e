// `lbctl register ...`: makes processes known and owned.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

void add_register_commands(CLI::App& lbctl, Context& context);

}  // namespace lb::cli
