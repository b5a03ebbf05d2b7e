// What can be asked over HTTP: one table. The OpenAPI document (openapi.json) describes the same
// paths; a test compares them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "bkserver/web/http.h"
#include "common/base/result.h"

namespace lb::web {

enum class RouteId : std::uint8_t {
    kHealth,
    kReady,
    kMetrics,
    kOpenApi,
    kVersion,
    kPostEvents,
    kProcesses,
    kProcess,
    kHistory,
    kWhy,
    kRelations,
    kCounts,
    kEvents,        // of all processes
    kChanges,       // a stream
    kOwnProcesses,  // the root: what a browser shows first
    kUnique,        // a process id, opened as the address that it is
};

struct Route {
    std::string_view method;
    std::string_view pattern;  // {process} stands for one segment, {unique} for all that is left
    RouteId id;
    bool is_public;               // answered without knowing who asks
    std::string_view parameters;  // behind the '?', by blanks
};
inline constexpr std::string_view kAnyParameter = "*";

std::span<const Route> routes();
// kReject names the first parameter that the route does not have: what is misspelt would be
// answered as if it had not been asked.
Status check_parameters(const Route& route, const HttpRequest& request);

struct Match {
    const Route* route = nullptr;
    std::string process;  // what {process} or {unique} stood for
    std::string allow;    // no route: the methods that the path has; empty: no such path
};
// HEAD goes where GET goes.
Match find_route(const HttpRequest& request);

// The document at /v1/openapi.json.
std::string_view openapi_document();

}  // namespace lb::web
