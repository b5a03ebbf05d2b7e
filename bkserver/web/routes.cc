#include "bkserver/web/routes.h"

#include <algorithm>
#include <array>

namespace lb::web {

namespace {

constexpr std::string_view kPage = "limit cursor text";
constexpr std::string_view kQuery = "query sort fields limit cursor text";
constexpr std::string_view kList =
    "type state vm_state host owner query sort fields limit cursor text";

// clang-format off
constexpr std::array kRoutes = {
    Route{"GET",  "/health",                        RouteId::kHealth,       true,  kAnyParameter},
    Route{"GET",  "/ready",                         RouteId::kReady,        true,  kAnyParameter},
    Route{"GET",  "/metrics",                       RouteId::kMetrics,      false, ""},
    Route{"GET",  "/v1/openapi.json",               RouteId::kOpenApi,      true,  ""},
    Route{"GET",  "/v1/version",                    RouteId::kVersion,      true,  "text"},
    Route{"POST", "/v1/events",                     RouteId::kPostEvents,   false, ""},
    Route{"GET",  "/v1/events",                     RouteId::kEvents,       false, kQuery},
    Route{"GET",  "/v1/changes",                    RouteId::kChanges,      false, "query cursor"},
    Route{"GET",  "/v1/processes",                  RouteId::kProcesses,    false, kList},
    Route{"GET",  "/v1/processes/{process}",        RouteId::kProcess,      false, "with text"},
    Route{"GET",  "/v1/processes/{process}/events", RouteId::kHistory,      false, kPage},
    Route{"GET",  "/v1/processes/{process}/why",    RouteId::kWhy,          false, "attribute text"},
    Route{"GET",  "/v1/processes/{process}/relations", RouteId::kRelations, false, kPage},
    Route{"GET",  "/v1/counts",                     RouteId::kCounts,       false, "of query by text"},
    Route{"GET",  "/",                              RouteId::kOwnProcesses, false, kList},
    // An id may go on with '?' and whatever its maker wrote there.
    Route{"GET",  "/{unique}",                      RouteId::kUnique,       false, kAnyParameter},
};
// clang-format on
// Ids that look like ours from the first segment on are none.
constexpr std::string_view kReserved = "v1";

std::string_view next_segment(std::string_view& pattern) {
    const std::size_t end = std::min(pattern.find('/', 1), pattern.size());
    const std::string_view segment = pattern.substr(1, end - 1);
    pattern.remove_prefix(end);
    return segment;
}

std::string joined(std::span<const std::string> segments) {
    std::string text;
    for (const std::string& segment : segments) text += (text.empty() ? "" : "/") + segment;
    return text;
}

// Whether the pattern fits; `process` becomes what its variable stands for.
bool fits(std::string_view pattern, const std::vector<std::string>& segments,
          std::string& process) {
    if (pattern == "/") return segments.empty();
    std::size_t at = 0;
    while (!pattern.empty()) {
        if (at == segments.size()) return false;
        const std::string_view segment = next_segment(pattern);
        if (segment == "{unique}") {
            process = joined(std::span(segments).subspan(at));
            return segments[0] != kReserved;
        }
        if (segment == "{process}")
            process = segments[at];
        else if (segment != segments[at])
            return false;
        ++at;
    }
    return at == segments.size();
}

bool is_in(std::string_view words, std::string_view word) {
    while (!words.empty()) {
        const std::size_t end = std::min(words.find(' '), words.size());
        if (words.substr(0, end) == word) return true;
        words.remove_prefix(std::min(end + 1, words.size()));
    }
    return false;
}

}  // namespace

std::span<const Route> routes() {
    return kRoutes;
}

Status check_parameters(const Route& route, const HttpRequest& request) {
    if (route.parameters == kAnyParameter) return {};
    for (const auto& [name, value] : request.query)
        if (!is_in(route.parameters, name))
            return Error{
                ErrorCode::kReject,
                "this path has no parameter " + name +
                    (route.parameters.empty() ? ", nor any other"
                                              : "; it has: " + std::string(route.parameters))};
    return {};
}

Match find_route(const HttpRequest& request) {
    std::string_view method = request.method;
    if (method == "HEAD") method = "GET";
    Match match;
    for (const Route& route : kRoutes) {
        std::string process;
        if (!fits(route.pattern, request.segments, process)) continue;
        if (route.method == method) return {&route, std::move(process), {}};
        // A path of its own is not also an id: POST /v1/events is none that GET could read.
        if (route.id == RouteId::kUnique && !match.allow.empty()) continue;
        if (!match.allow.empty()) match.allow += ", ";
        match.allow += route.method == "GET" ? "GET, HEAD" : route.method;
    }
    return match;
}

}  // namespace lb::web
