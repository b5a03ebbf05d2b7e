#include "common/event/json.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <random>

#include "common/event/codec.h"
#include "tests/support/random_event.h"

using namespace lb;
using namespace lb::event;

TEST_CASE("every type with every field comes back from its JSON", "[json]") {
    std::mt19937 random(13);
    for (const TypeInfo& type : types()) {
        for (int i = 0; i < 10; ++i) {
            const Event event = test::random_event(type, random, i == 0);
            const std::string text = event_to_json("https://h:9000/x", event).dump();
            INFO(text);
            const auto back = event_from_json(nlohmann::json::parse(text));
            REQUIRE(back.ok());
            CHECK(encode(back->event) == encode(event));
            CHECK(back->subject == "https://h:9000/x");
        }
    }
}

TEST_CASE("times may be written as in ULM", "[json]") {
    const auto event = event_from_json(
        {{"type", "CREAMStatus"},
         {"time", "20120101000010.5"},
         {"fields", {{"new_state", "IDLE"}, {"orig_timestamp", "20120101000009.000001"}}}});
    REQUIRE(event.ok());
    CHECK(event->event.time_us == 1'325'376'010'000'005);
    CHECK(event->event.text("orig_timestamp") == "1325376009000001");
    CHECK_FALSE(event_from_json({{"type", "VMStop"}, {"time", "20120101000010 or so"}}).ok());
}

TEST_CASE("what is wrong in JSON is named", "[json]") {
    const std::pair<const char*, const char*> cases[] = {
        {R"([])", "object"},
        {R"({"time": 1})", "type"},
        {R"({"type": "NoSuch", "time": 1})", "NoSuch"},
        {R"({"type": "VMStop"})", "time"},
        {R"({"type": "VMStop", "time": "yesterday"})", "time"},
        {R"({"type": "VMStop", "time": 1, "source": "Nobody"})", "Nobody"},
        {R"({"type": "VMStop", "time": 1, "fields": {"nosuch": 1}})", "nosuch"},
        {R"({"type": "VMStop", "time": 1, "event_id": "12"})", "event_id"},
        {R"({"type": "Done", "time": 1, "exit_code": "many"})", "exit_code"},
        {R"({"type": "Done", "time": 1, "exit_code": 18446744073709551615})", "exit_code"},
        {R"({"type": "Done", "time": 1, "priority": 4294967296})", "priority"},
        {R"({"type": "PBSResourceUsage", "time": 1, "fields": {"resources": {"a,b": "1"}}})",
         "resources"},
        {R"({"type": "PBSResourceUsage", "time": 1, "fields": {"resources": {"a=b": "1"}}})",
         "resources"},
        {R"({"type": "PBSResourceUsage", "time": 1, "fields": {"resources": {"a": "1,b=2"}}})",
         "resources"},
    };
    for (const auto& [text, word] : cases) {
        INFO(text);
        const auto event = event_from_json(nlohmann::json::parse(text));
        REQUIRE_FALSE(event.ok());
        CHECK(event.error().text.find(word) != std::string::npos);
    }
}
