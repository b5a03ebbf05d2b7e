// Job descriptions (JDL) are ClassAds: [ Executable = "/bin/a"; InputSandbox = { "b", "c" }; ].
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "common/base/result.h"

namespace lb::query {

inline constexpr std::size_t kClassAdNestingMax = 32;
inline constexpr std::size_t kClassAdValuesMax = 10'000;

// The attributes as a JSON object: texts, numbers and booleans as such, `undefined` as null, lists
// as arrays, ads as objects; any other expression as "/Expr(other.CPUs > 2)/", the way HTCondor
// writes ads in JSON. Of an attribute that stands twice the last counts. The brackets around the
// whole may be missing, as the original's tools allowed. Any bytes are safe to give: kReject, with
// the place, when it is no ClassAd; kFull when it is nested deeper or has more values than the
// limits above.
Result<nlohmann::ordered_json> parse_classad(std::string_view text);

}  // namespace lb::query
