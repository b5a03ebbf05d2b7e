// A line that a guest says on its channel (CHANNEL.md), and what it means. Pure. The invariant: no
// line can name another machine, another source or another time than the channel allows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/event/event.h"

namespace lb::guest_agent {

inline constexpr std::size_t kLineBytesMax = 4096;
// What happened longer ago than this is said to have happened then.
inline constexpr std::int64_t kAgeMsMax = 24 * 3600 * 1000;

struct GuestLine {
    std::string id;  // 32 hexadecimal digits, lower case
    std::int64_t age_ms = 0;
    std::string word;
    std::vector<std::pair<std::string, std::string>> fields;
};

// Without its line end. kReject says what is wrong with it.
Result<GuestLine> parse_line(std::string_view line);
// The id that a line of whatever kind states, for the answer; "-" when there is none.
std::string id_of(std::string_view line);

// The event it means, at `now_us` of this host's clock. kReject: a word or name that is not a
// guest's to say.
Result<event::Event> event_of(const GuestLine& line, std::int64_t now_us);

// With its line end. `outcome`: "ok", "refused" or "again".
std::string answer(std::string_view id, std::string_view outcome, std::string_view text);

}  // namespace lb::guest_agent
