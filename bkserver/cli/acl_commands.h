// lbctl acl: who else may read or tag a process.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

void add_acl_commands(CLI::App& lbctl, Context& context);

}  // namespace lb::cli
