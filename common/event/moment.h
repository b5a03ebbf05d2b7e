// Points in time as people write them on a command line or in a query.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/result.h"

namespace lb::event {

// RFC 3339, a date (its midnight, UTC), whole seconds since 1970, "now", or "-2h", "+90s" from
// `now_us` (s, m, h, d, w).
Result<std::int64_t> moment_from_text(std::string_view text, std::int64_t now_us);

}  // namespace lb::event
