#include "common/event/order_key.h"

#include <catch2/catch.hpp>

#include "common/base/encoding.h"
#include "common/base/limits.h"

using namespace lb;
using namespace lb::event;

namespace {

Event stop_at(std::int64_t time_us) {
    Event event;
    event.type = static_cast<std::uint16_t>(EventType::kVMStop);
    event.time_us = time_us;
    event.source = Source::kVmManager;
    event.host = "node1";
    return event;
}

const std::string kOrigin(16, '\x11');
const std::string kId(16, '\x22');

Arrival arrival(std::int64_t accepted_at_us = 0) {
    return {.origin = kOrigin, .counter = 3, .accepted_at_us = accepted_at_us, .event_id = kId};
}

}  // namespace

TEST_CASE("a key is flag, clock, time, origin, counter, id", "[order_key]") {
    CHECK(to_hex(order_key(stop_at(1), arrival(), ClockFamily::kNone)) ==
          "01"
          "8000000000000001"
          "1111111111111111"
          "0000000000000003"
          "22222222222222222222222222222222");
    Event grid = stop_at(1);
    grid.sequence_code =
        "UI=000001:NS=0000000002:WM=000003:BH=0000000004:JSS=000005:LM=000006:LRMS=000007:APP="
        "000008:LBS=000009";
    CHECK(to_hex(order_key(grid, arrival(), ClockFamily::kGrid)).substr(0, 2 + 9 * 8) ==
          "01"
          "00000001"
          "00000002"
          "00000003"
          "00000004"
          "00000005"
          "00000006"
          "00000007"
          "00000008"
          "00000009");
}

TEST_CASE("registrations come first and have no clock of their family", "[order_key]") {
    Event registration = stop_at(9'000'000);
    registration.type = static_cast<std::uint16_t>(EventType::kRegJob);
    const std::string key = order_key(registration, arrival(), ClockFamily::kNone);
    CHECK(key < order_key(stop_at(-1'000'000), arrival(), ClockFamily::kNone));
    CHECK(key == order_key(registration, arrival(), ClockFamily::kGrid));
    CHECK(key == order_key(registration, arrival(), ClockFamily::kCondor));
}

TEST_CASE("positions in a Condor log compare as numbers", "[order_key]") {
    Event before = stop_at(2);
    before.sequence_code = "TIMESTAMP=20120101000010:POS=       999:EV.CODE=205:SRC=S";
    Event after = stop_at(1);
    after.sequence_code = "TIMESTAMP=20120101000010:POS=      1000:EV.CODE=205:SRC=S";
    CHECK(order_key(before, arrival(), ClockFamily::kCondor) <
          order_key(after, arrival(), ClockFamily::kCondor));
}

TEST_CASE("a clock of the future does not win", "[order_key]") {
    constexpr std::int64_t kNow = 1'700'000'000'000'000;
    const Event ahead = stop_at(kNow + 3'600'000'000);
    CHECK(order_time_us(ahead, arrival(kNow)) == kNow + limits::kSkewUsMax);
    CHECK(order_time_us(stop_at(kNow - 1), arrival(kNow)) == kNow - 1);
    CHECK(order_time_us(ahead, arrival()) == ahead.time_us);  // an import: nobody knows better
    Arrival capped = arrival(kNow + 7'200'000'000);
    capped.order_cap_us = kNow;
    CHECK(order_time_us(ahead, capped) == kNow);
}

TEST_CASE("times before 1970 sort before those after", "[order_key]") {
    CHECK(order_key(stop_at(-5), arrival(), ClockFamily::kNone) <
          order_key(stop_at(5), arrival(), ClockFamily::kNone));
}

TEST_CASE("imports are told apart by who speaks, then by their ids", "[order_key]") {
    Event other = stop_at(1);
    other.host = "node2";
    Arrival import;
    import.event_id = kId;
    CHECK(order_key(stop_at(1), import, ClockFamily::kNone) !=
          order_key(other, import, ClockFamily::kNone));
}
