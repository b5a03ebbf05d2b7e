// `lbctl register cluster`: a cluster of machines, its members and what it is meant to be.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

// Adds the subcommand to `lbctl register`.
void add_register_cluster_command(CLI::App& parent, Context& context);

}  // namespace lb::cli
