// Points in time as people and programs write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace lb::event {

// 2026-11-23T04:38:56.030123Z
std::string time_to_text(std::int64_t time_us);
// RFC 3339 with any offset, a 'T' or a blank between date and time, with or without a fraction.
Result<std::int64_t> time_from_text(std::string_view text);

// ULM: YYYYMMDDhhmmss.uuuuuu, UTC.
std::string time_to_ulm(std::int64_t time_us);
// The fraction is optional and read as a whole number of microseconds (".5" is 5), as the original
// did.
Result<std::int64_t> time_from_ulm(std::string_view text);

}  // namespace lb::event
