// What a guest may say, and what it may not.
#include "logd/guest_agent/channel_line.h"

#include <catch2/catch.hpp>

using lb::event::EventType;
using lb::event::Source;
using namespace lb::guest_agent;

namespace {

constexpr char kId[] = "0192f3c1a4b07e6c8d5f00112233aabb";
constexpr std::int64_t kNowUs = 1'800'000'000'000'000;

std::string line(const std::string& rest) {
    return std::string("lb1 ") + kId + " " + rest;
}

lb::Result<lb::event::Event> said(const std::string& text) {
    auto parsed = parse_line(text);
    if (!parsed.ok()) return parsed.error();
    return event_of(*parsed, kNowUs);
}

}  // namespace

TEST_CASE("each word is an event of the guest's own system") {
    const std::pair<const char*, EventType> words[] = {
        {"0 running", EventType::kVMRunning},
        {"0 running uptime_s=3", EventType::kVMRunning},
        {"0 heartbeat uptime_s=63", EventType::kVMHeartbeat},
        {"0 shutdown", EventType::kVMShutdown},
        {"0 shutdown reason=kernel%20update", EventType::kVMShutdown},
        {"0 tag role=web", EventType::kUserTag}};
    for (const auto& [text, type] : words) {
        CAPTURE(text);
        const auto event = said(line(text));
        REQUIRE(event.ok());
        CHECK(event->type == static_cast<std::uint16_t>(type));
        CHECK(event->source == Source::kVmSystem);
        CHECK(event->time_us == kNowUs);
    }
    CHECK(said(line("0 shutdown reason=kernel%20update"))->text("reason") == "kernel update");
    CHECK(said(line("0 tag role=web"))->text("name") == "role");
    CHECK(said(line("0 tag role=web"))->text("value") == "web");
    CHECK(said(line("0 heartbeat uptime_s=63"))->text("uptime_s") == "63");
}

TEST_CASE("when it happened is told by its age, on this host's clock") {
    CHECK(said(line("1500 running"))->time_us == kNowUs - 1'500'000);
    CHECK(said(line("999999999999999999 running"))->time_us == kNowUs - kAgeMsMax * 1000);
}

TEST_CASE("a guest cannot claim another machine, source or host") {
    for (const char* field :
         {"process=https://lb.example.org:9000/x", "key=libvirt-uuid:/6b1a", "source=CloudManager",
          "host=node2", "hostname=node2", "subject=a", "UUID=b", "time=0", "resync=1"}) {
        for (const char* word : {"running", "heartbeat", "shutdown"}) {
            CAPTURE(word, field);
            const auto event = said(line(std::string("0 ") + word + " " + field));
            REQUIRE(!event.ok());
            CHECK(event.error().code == lb::ErrorCode::kReject);
        }
    }
    CHECK(said(line("0 running source=CloudManager")).error().text.find("channel says") !=
          std::string::npos);
}

TEST_CASE("what is no line is refused with a reason") {
    const std::string long_value(kLineBytesMax, 'x');
    for (const std::string& text :
         {std::string(), std::string("lb2 x"), std::string("lb1"),
          std::string("lb1 short 0 running"), line(""), line("x running"), line("-1 running"),
          line("0 explode"), line("0 tag"), line("0 tag a=b c=d"), line("0 tag =b"),
          line("0 shutdown reason"), line("0 shutdown reason=%4"), line("0 shutdown reason=%zz"),
          line("0 shutdown reason=%ff"), line("0 shutdown reason=a\tb"),
          line("0 heartbeat uptime_s=soon"), line("0 tag a=" + long_value)}) {
        CAPTURE(text);
        const auto event = said(text);
        REQUIRE(!event.ok());
        CHECK(!event.error().text.empty());
    }
}

TEST_CASE("an answer names the line that it answers") {
    CHECK(id_of(line("0 explode")) == kId);
    CHECK(id_of("nonsense") == "-");
    CHECK(id_of("lb1 0192F3C1A4B07E6C8D5F00112233AABB 0 x") == kId);
    CHECK(answer(kId, "ok", "") == std::string("lb1 ") + kId + " ok\n");
    CHECK(answer("-", "refused", "no\nline 5%") == "lb1 - refused no%0aline%205%25\n");
}
