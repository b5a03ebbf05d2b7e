// lbctl policy check: whether somebody may do something, and which rule says so.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

void add_policy_commands(CLI::App& lbctl, Context& context);

}  // namespace lb::cli
