// Who said what of a machine last, and how long ago: what its state rests on.
#pragma once

#include <cstdint>
#include <span>

#include "bkserver/query/forms.h"
#include "bkserver/state/registers.h"
#include "bkserver/store/store.h"

namespace lb::query {

// A row for each source and host: the newest claim, and the newest heartbeat. Ages in whole seconds
// until `now_us`, 0 of what is dated later.
Row evidence_rows(const state::Registers& registers, std::span<const store::Heartbeat> heartbeats,
                  std::int64_t now_us);

}  // namespace lb::query
