// `lbctl adopt`: tells the local logger of the libvirt domains that run now, so that machines which
// ran before the hook was installed are known too.
#pragma once

#include "bkserver/cli/command_line.h"

namespace lb::cli {

void add_adopt_command(CLI::App& lbctl, Context& context);

}  // namespace lb::cli
