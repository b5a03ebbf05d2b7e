// An attempt to run a grid job: the counters of its sequence code that the order key carries.
#pragma once

#include <string_view>

#include "common/event/seqcode.h"

namespace lb::state {

// The code inside an order key of the grid family; zeros in a registration's.
event::GridCounters code_of(std::string_view order_key);
// The part of the key that is the same for all claims of one attempt: UI, NS and WM.
std::string_view attempt_of(std::string_view order_key);

}  // namespace lb::state
