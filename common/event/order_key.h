// The order key: a total order of the events of one process, the same wherever and whenever it is
// computed (design: order key; state-model section 3). Compared as bytes.
//
//   registration flag   1 byte   0 for a registration, 1 for all else
//   logical clock       n bytes  big-endian counters of the family; nothing in a registration and
//                                for machines and transfers; zeros where the code is no code
//   order time          8 bytes  big-endian microseconds, sign bit inverted (order_time_us)
//   origin              8 bytes  first 8 of the origin; imports: of SHA-256(source, 0, host)
//   counter             8 bytes  big-endian; imports: 0
//   event id           16 bytes
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/event/event.h"

namespace lb::event {

// How the logical clock of a process type is read.
enum class ClockFamily : std::uint8_t { kNone, kGrid, kPbs, kCondor };
ClockFamily clock_family_of(ProcessType type);

// Bytes behind the order time: the same whatever the family is.
inline constexpr std::size_t kOrderTailBytes = 8 + 8 + 16;

// What is known of an accepted event beside the event itself.
struct Arrival {
    std::string_view origin;  // 16 bytes, empty for imports
    std::uint64_t counter = 0;
    std::int64_t accepted_at_us = 0;  // 0 for imports: the event time is taken as it is
    std::string_view event_id;        // 16 bytes
    std::int64_t order_cap_us = 0;    // set by the server when accepted_at_us is of a wrong clock
    std::string_view identity = {};   // who logged it, proven (identity_text); empty for imports
    std::string_view fqans = {};      // of that identity at acceptance, one a line
};

std::string order_key(const Event& event, const Arrival& arrival, ClockFamily family);
// The time that counts for order: min(event time, accepted_at + limits::kSkewUsMax, cap).
std::int64_t order_time_us(const Event& event, const Arrival& arrival);

}  // namespace lb::event
