// A body of events cut into its events, before any of them is parsed, so that what one of them
// costs is bounded and a broken one does not take the others with it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace lb::web {

// In one request.
inline constexpr std::size_t kBodyEventsMax = 1000;

// The texts of the events in `body`: one JSON object, several one behind the other or one a line
// (`is_lines`: cut at line ends, whatever is in them), or an array of objects. kReject when it is
// nothing of that, with the place; kFull when there are more than kBodyEventsMax or objects are
// nested deeper than an event can be.
Result<std::vector<std::string_view>> split_events(std::string_view body, bool is_lines);

// One of these texts as JSON. kReject when it is none, has a number that is too great for any, or
// is longer than an event may be.
Result<nlohmann::json> parse_event(std::string_view text);

}  // namespace lb::web
