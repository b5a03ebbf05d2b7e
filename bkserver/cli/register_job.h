// `lbctl register job|dag|collection|pbs|condor|cream|transfer|transfer-collection`: one
// registration; what a script needs to go on is printed.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

// Adds the commands below `parent`, which is `lbctl register`.
void add_register_job_commands(CLI::App& parent, Context& context);

}  // namespace lb::cli
