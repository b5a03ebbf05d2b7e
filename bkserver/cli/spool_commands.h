// `lbctl spool`: looks at the spool of this host; needs no server.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

void add_spool_commands(CLI::App& lbctl, Context& context);

}  // namespace lb::cli
