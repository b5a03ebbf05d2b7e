// lbctl token: bearer tokens for those who log over HTTP.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

void add_token_commands(CLI::App& lbctl, Context& context);

}  // namespace lb::cli
