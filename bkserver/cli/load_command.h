// `lbctl load`: dump files of the original, or of `lbctl dump`, into the server.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

void add_load_command(CLI::App& lbctl, Context& context);

}  // namespace lb::cli
