// What the store knows of the signs of life of a process and of the loggers of its hosts.
#pragma once

#include <cstdint>

#include "bkserver/state/engine.h"
#include "bkserver/store/store.h"
#include "common/base/result.h"

namespace lb::book {

// For state::view() at `now_us`. Errors are the store's. Hosts of which `sighted` does not tell are
// asked for, as those that a machine has left.
Result<state::ViewInput> sightings_of(store::Reader& reader, const store::SightedProcess& sighted,
                                      const state::Registers& registers, std::int64_t now_us);
// The same of a process of which only its number is known.
Result<state::ViewInput> sightings_of(store::Reader& reader, store::ProcessNumber process,
                                      const state::Registers& registers, std::int64_t now_us);

}  // namespace lb::book
