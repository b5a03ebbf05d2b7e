// The named disagreements between a machine's manager, its hosts and its guest (state-model 11.5).
#pragma once

#include "bkserver/state/engine.h"
#include "bkserver/state/machine.h"

namespace lb::state::vm {

void add_disagreements(const Machine& machine, const Registers& registers, const ViewInput& input,
                       View& view);

}  // namespace lb::state::vm
