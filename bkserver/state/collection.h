// What children add to the status of collections and DAGs: Machine::count of these types.
#pragma once

#include <span>

#include "bkserver/state/machine.h"

namespace lb::state::collection {

void count_jobs(const Registers& registers, std::span<const Child> children, Draft& draft);
void count_transfers(const Registers& registers, std::span<const Child> children, Draft& draft);
// DAGs: children are counted, the state is its own.
void show_children(const Registers& registers, std::span<const Child> children, Draft& draft);

}  // namespace lb::state::collection
