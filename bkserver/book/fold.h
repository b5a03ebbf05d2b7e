// Events into registers, and registers into the columns of a process. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "bkserver/book/intake.h"
#include "bkserver/state/engine.h"
#include "bkserver/store/store.h"

namespace lb::book {

// What implies the type of an adopted process: the first of its keys that implies one; 0 when none
// does.
std::uint32_t implied_type(std::span<const store::Subject> subjects);

// All events of a process into fresh registers, in whatever order they stand. Returns how many wait
// for a type.
std::uint32_t fold_all(state::Registers& registers, std::span<const event::AcceptedEvent> events);

// The columns that follow from the registers.
void set_columns(store::Process& process, const state::Registers& registers);

}  // namespace lb::book
