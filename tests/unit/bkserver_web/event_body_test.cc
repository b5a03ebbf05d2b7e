#include "bkserver/web/event_body.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "common/base/limits.h"

namespace lb::web {
namespace {

std::vector<std::string_view> events_of(std::string_view body, bool is_lines = false) {
    const auto events = split_events(body, is_lines);
    return events.ok() ? *events : std::vector<std::string_view>{};
}

TEST_CASE("one, several, an array and lines are events") {
    CHECK(events_of(R"({"a":1})").size() == 1);
    CHECK(events_of(" {\"a\":1}\n{\"b\":\"}\"}\n").size() == 2);
    CHECK(events_of(R"([{"a":[1,{"b":"]"}]}, {"c":"\"}"}])") ==
          std::vector<std::string_view>{R"({"a":[1,{"b":"]"}]})", R"({"c":"\"}"})"});
    CHECK(events_of("{\"a\":1}\r\n\n{\"broken\"\n{\"c\":1}", true).size() == 3);
}

TEST_CASE("what is no list of events is refused with its place") {
    for (const char* body : {"", "  ", "[]", "x", "1", "\"a\"", "[1]", "[{}", "[{},]", "[{}] x",
                             "{\"a\":1", "{\"a\":\"}", "[{} {}]"})
        CHECK_FALSE(split_events(body, false).ok());
    CHECK(split_events("[{}, x]", false).error().text ==
          "byte 6 of the body: expected an event, a JSON object");
}

TEST_CASE("number and depth of events are bounded") {
    std::string many;
    for (std::size_t i = 0; i < kBodyEventsMax; ++i) many += "{}\n";
    CHECK(events_of(many).size() == kBodyEventsMax);
    CHECK(split_events(many + "{}", false).error().code == ErrorCode::kFull);
    CHECK(split_events(many + "{}", true).error().code == ErrorCode::kFull);
    const std::string deep = "{\"a\":" + std::string(100'000, '[') + "}";
    CHECK(split_events(deep, false).error().code == ErrorCode::kFull);
    CHECK(split_events(deep, true).error().code == ErrorCode::kFull);
    CHECK(split_events(R"({"a":"[[[[[[[[[[[[[[[["})", false).ok());
}

TEST_CASE("an event that is no JSON is refused, a number beyond all bounds too") {
    CHECK(parse_event(R"({"time":1e300})").ok());
    for (const char* text :
         {"", "{", "{\"a\":}", "{\"a\":\"\xff\"}", "{\"time\":1e999}", "{\"time\":-1e999}"})
        CHECK(parse_event(text).error().code == ErrorCode::kReject);
    CHECK(parse_event(std::string(limits::kEventBytesMax + 1, ' ')).error().code ==
          ErrorCode::kReject);
}

}  // namespace
}  // namespace lb::web
