#include "common/event/moment.h"

#include <catch2/catch.hpp>
#include <string>

using lb::event::moment_from_text;

namespace {

constexpr std::int64_t kNow = 1'795'521'600'000'000;  // 2026-11-24T12:00:00Z
constexpr std::int64_t kHour = 3'600'000'000;

}  // namespace

TEST_CASE("moments are read as people write them", "[event]") {
    const std::pair<std::string, std::int64_t> cases[] = {
        {"2026-11-24T12:00:00Z", kNow},
        {"2026-11-24T13:00:00+01:00", kNow},
        {"2026-11-24", kNow - 12 * kHour},
        {"1795521600", kNow},
        {"0", 0},
        {"now", kNow},
        {"-2h", kNow - 2 * kHour},
        {"+90s", kNow + 90'000'000},
        {"-1w", kNow - 7 * 24 * kHour},
    };
    for (const auto& [text, expected] : cases) {
        INFO(text);
        const auto moment = moment_from_text(text, kNow);
        REQUIRE(moment.ok());
        CHECK(*moment == expected);
    }
}

TEST_CASE("what is no moment is refused with the forms that are", "[event]") {
    for (const std::string text : {"", "yesterday", "-h", "--2h", "-2y", "2026-13-01", "2h", "1e9",
                                   "-99999999999999999w", "99999999999999999999"}) {
        INFO(text);
        const auto moment = moment_from_text(text, kNow);
        REQUIRE_FALSE(moment.ok());
        CHECK(moment.error().text.find("2026-11-25T12:00:00Z") != std::string::npos);
    }
}
