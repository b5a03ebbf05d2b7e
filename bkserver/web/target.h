// The target of a request: path and query, decoded strictly.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bkserver/web/http.h"
#include "common/base/result.h"

namespace lb::web {

struct Target {
    std::string path;  // as it came
    std::vector<std::string> segments;
    std::vector<Pair> query;
};

// "/v1/processes/ab%2Fc?limit=10". kReject: not in origin form, a broken escape, a control
// character, an empty, "." or ".." segment (plain or encoded), a name that stands twice in the
// query. A segment may hold an encoded slash: it is decoded after the path was cut.
Result<Target> parse_target(std::string_view target);

}  // namespace lb::web
