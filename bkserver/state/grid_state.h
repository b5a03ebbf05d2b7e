// Grid jobs: one pass over the track in key order (state-model 5.1). Attempts (branches) to run a
// job overlap; which one won is known when its payload really runs, what the others say later does
// not count.
#pragma once

#include <string_view>

#include "bkserver/state/machine.h"

namespace lb::state::grid {

void derive(const Machine& machine, const Registers& registers, Draft& draft);
Decision decide(const Machine& machine, const Registers& registers, std::string_view attribute);

}  // namespace lb::state::grid
