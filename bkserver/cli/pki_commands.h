// `lbctl pki`: a small certificate authority for tests and sites without one.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

void add_pki_commands(CLI::App& lbctl, Context& context);

}  // namespace lb::cli
