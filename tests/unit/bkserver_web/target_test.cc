#include "bkserver/web/target.h"

#include <catch2/catch.hpp>

#include "bkserver/web/routes.h"

namespace lb::web {
namespace {

TEST_CASE("an encoded slash stays inside its part") {
    const auto target =
        parse_target("/v1/processes/https%3A%2F%2Fa%3A9000%2Fx/events?limit=5&a+b=c%20d");
    REQUIRE(target.ok());
    CHECK(target->segments ==
          std::vector<std::string>{"v1", "processes", "https://a:9000/x", "events"});
    CHECK(target->query == std::vector<Pair>{{"limit", "5"}, {"a b", "c d"}});
}

TEST_CASE("paths that are no plain paths are refused") {
    for (const char* text : {"", "x", "//", "/a//b", "/.", "/..", "/a/%2E%2e", "/%", "/%4", "/%0a",
                             "/a b", "/?a=1&a=2", "/%7f", "*"})
        CHECK_FALSE(parse_target(text).ok());
}

TEST_CASE("each route is found, and no other") {
    const struct {
        const char* method;
        const char* target;
        bool is_found;
        RouteId id;
    } cases[] = {
        {"GET", "/health", true, RouteId::kHealth},
        {"HEAD", "/health", true, RouteId::kHealth},
        {"POST", "/v1/events", true, RouteId::kPostEvents},
        {"GET", "/v1/processes", true, RouteId::kProcesses},
        {"GET", "/v1/processes/x", true, RouteId::kProcess},
        {"GET", "/v1/processes/x/events", true, RouteId::kHistory},
        {"GET", "/v1/processes/x/why", true, RouteId::kWhy},
        {"GET", "/", true, RouteId::kOwnProcesses},
        {"GET", "/AbC_d-e", true, RouteId::kUnique},
        {"GET", "/a/b/c", true, RouteId::kUnique},
        {"GET", "/v1/events", true, RouteId::kEvents},
        {"GET", "/v1/changes", true, RouteId::kChanges},
        {"POST", "/v1/changes", false, {}},
        {"GET", "/v1/nothing", false, {}},
        {"GET", "/v1", false, {}},
        {"POST", "/v1/processes", false, {}},
        {"DELETE", "/v1/processes/x", false, {}},
    };
    for (const auto& one : cases) {
        INFO(one.method << " " << one.target);
        HttpRequest request;
        request.method = one.method;
        request.segments = parse_target(one.target)->segments;
        const Match match = find_route(request);
        REQUIRE((match.route != nullptr) == one.is_found);
        if (one.is_found) CHECK(match.route->id == one.id);
    }
}

TEST_CASE("a parameter that a path does not have is refused by name") {
    const auto check = [](const char* text) {
        HttpRequest request;
        request.method = "GET";
        const auto target = parse_target(text);
        request.segments = target->segments;
        request.query = target->query;
        return check_parameters(*find_route(request).route, request);
    };
    for (const char* text : {"/v1/processes?type=simple&limit=5", "/?query=x&sort=-entered&text",
                             "/v1/processes/x/why?attribute=state", "/health?now", "/AbC?info=1",
                             "/v1/events?fields=type&cursor=x", "/v1/changes?query=x&cursor=y"})
        CHECK(check(text).ok());
    for (const char* text : {"/v1/processes?ower=me", "/v1/processes/x?limit=1", "/metrics?x",
                             "/v1/events?type=VMStop", "/v1/changes?limit=1", "/v1/version?t",
                             "/v1/processes?query%20sort=x", "/v1/processes?=x"}) {
        INFO(text);
        CHECK_FALSE(check(text).ok());
    }
    CHECK(check("/v1/processes?ower=me").error().text.find("ower; it has: type") !=
          std::string::npos);
}

}  // namespace
}  // namespace lb::web
