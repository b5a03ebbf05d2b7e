// lbctl doctor: whether the logging of this host, and the server on it, work; and what to do.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

void add_doctor_command(CLI::App& lbctl, Context& context);

}  // namespace lb::cli
