// `lbctl setup opennebula`: the hooks by which OpenNebula calls lb-hook-opennebula, one for each
// state of machines and hosts: printed, written as files, or registered.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

void add_setup_opennebula_command(CLI::App& lbctl, Context& context);

}  // namespace lb::cli
