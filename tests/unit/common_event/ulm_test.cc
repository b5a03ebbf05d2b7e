// ULM, as section 18 of the format's description says; hostile text included.
#include "common/event/ulm.h"

#include <catch2/catch.hpp>
#include <random>

#include "common/event/codec.h"
#include "common/event/event_id.h"
#include "tests/support/random_event.h"

using namespace lb;
using namespace lb::event;

namespace {

const std::string kHeader =
    "DATE=20240101120000.000001 HOST=\"h\" PROG=edg-wms LVL=SYSTEM DG.PRIORITY=0 "
    "DG.SOURCE=\"VMSystem\" ";
const std::string kJob = "DG.JOBID=\"https://a:9000/abc\" ";

}  // namespace

TEST_CASE("every type with every field comes back from its line", "[ulm]") {
    std::mt19937 random(11);
    for (const TypeInfo& type : types()) {
        for (int i = 0; i < 10; ++i) {
            UlmEvent written;
            written.subject = i % 2 == 0 ? "https://a:9000/abc" : "libvirt-uuid:/6b1a";
            written.event = test::random_event(type, random, i == 0);
            if (i % 3 == 0) written.arrived_us = 1'704'110'400'000'005;
            if (i % 4 == 0) written.event_id = new_event_id();
            if (i % 4 == 1) written.identity = "certificate:/DC=org/CN=x \"y\"";
            if (i % 4 == 2) written.groups = {"/vo/Role=\"a\"", "science"};
            if (i % 5 == 0) written.stamp = {new_event_id(), 7, 1'704'110'400'000'006};
            INFO(type.name);
            const std::string line = write_ulm(written);
            INFO(line);
            CHECK(line.find('\n') == std::string::npos);
            const auto parsed = parse_ulm(line);
            REQUIRE(parsed.ok());
            CHECK(parsed->subject == written.subject);
            CHECK(parsed->arrived_us == written.arrived_us);
            CHECK(parsed->event_id == written.event_id);
            CHECK(parsed->identity == written.identity);
            CHECK(parsed->groups == written.groups);
            CHECK(parsed->stamp == written.stamp);
            CHECK(encode(parsed->event) == encode(written.event));
            CHECK(write_ulm(*parsed) == line);
        }
    }
}

// What a producer may put into a text and what it reads back as.
TEST_CASE("hostile text comes back as it was, and never makes a second line or field", "[ulm]") {
    std::mt19937 random(12);
    const std::string pieces[] = {"\"",
                                  "\\",
                                  "\n",
                                  "\r",
                                  "\t",
                                  " ",
                                  "=",
                                  "a",
                                  "\\n",
                                  "\\\"",
                                  "\x7f",
                                  "\x01",
                                  "DG.EVNT=\"Done\"",
                                  "\xc3\xa4",
                                  "\xf0\x9f\x96\xa5"};
    for (int i = 0; i < 3000; ++i) {
        std::string text;
        for (std::size_t length = random() % 12; length > 0; --length)
            text += pieces[random() % std::size(pieces)];
        Event event;
        event.type = static_cast<std::uint16_t>(EventType::kPending);
        event.time_us = 1;
        event.source = Source::kUserInterface;
        event.host = event.user = event.source_instance = event.sequence_code = text;
        event.attributes = {{text, text}, {"b=c", "d"}};
        event.set_text("reason", text);
        const std::string line = write_ulm("https://a:9000/abc", event);
        INFO(line);
        CHECK(line.find('\n') == std::string::npos);
        const auto parsed = parse_ulm(line);
        REQUIRE(parsed.ok());
        CHECK(parsed->event == event);
    }
    Event zero;
    zero.type = static_cast<std::uint16_t>(EventType::kPending);
    zero.time_us = 1;
    zero.source = Source::kUserInterface;
    zero.set_text("reason", std::string("a\0b", 3));
    CHECK(parse_ulm(write_ulm("https://a:9000/abc", zero))->event.text("reason") ==
          "a\xEF\xBF\xBD"
          "b");
}

TEST_CASE("a line is written as the original wrote it", "[ulm]") {
    Event event;
    event.type = static_cast<std::uint16_t>(EventType::kResourceUsage);
    event.time_us = 1'704'110'400'000'001;
    event.host = "h";
    event.level = 8;
    event.source = Source::kLrms;
    event.set_text("resource", "cpu");
    event.set_text("quantity", "1.5");
    CHECK(write_ulm("https://a:9000/abc", event) ==
          "DATE=20240101120000.000001 HOST=\"h\" PROG=edg-wms LVL=SYSTEM DG.PRIORITY=0 "
          "DG.SOURCE=\"LRMS\" DG.SRC_INSTANCE=\"\" DG.EVNT=\"ResourceUsage\" "
          "DG.JOBID=\"https://a:9000/abc\" DG.SEQCODE=\"\" DG.USER=\"\" "
          "DG.RESOURCEUSAGE.RESOURCE=\"cpu\" DG.RESOURCEUSAGE.QUANTITY=\"1.500000\" "
          "DG.RESOURCEUSAGE.UNIT=\"\"");
    event.set_text("quantity", "1e-09");
    CHECK(parse_ulm(write_ulm("https://a:9000/abc", event))->event.text("quantity") == "1e-09");
}

TEST_CASE("the examples of the original are read", "[ulm]") {
    const auto running = parse_ulm(kHeader + "DG.SRC_INSTANCE=\"i\" DG.EVNT=\"VMRunning\" " + kJob +
                                   "DG.SEQCODE=\"UI=000001\" DG.USER=\"/CN=x\" ");
    REQUIRE(running.ok());
    CHECK(running->event.time_us == 1'704'110'400'000'001);
    CHECK(running->event.user == "/CN=x");
    const auto done = parse_ulm(
        "DG.EVNT=\"VMDone\" DG.JOBID=\"https://a:9000/abc\" DG.SEQCODE=\"x\" DG.USER=\"/CN=x\" "
        "DG.SOURCE=\"CloudManager\" DG.PRIORITY=0 LVL=SYSTEM HOST=h DATE=20240101120000.000002 "
        "DG.VMDONE.STATUS_CODE=\"delete\"");
    REQUIRE(done.ok());
    CHECK(done->event.text("status_code") == "DELETE");
}

TEST_CASE("what the original took is taken", "[ulm]") {
    const struct {
        const char* line;
        const char* field;
        const char* value;
    } lines[] = {
        {"dg.evnt=\"Running\" Dg.Running.Node=\"n1\"", "node", "n1"},  // case of keys
        {"DG.EVNT=Running\t  DG.RUNNING.NODE=n1\r\n", "node", "n1"},   // bare, blanks, CR LF
        {"DG.EVNT=\"Running\" DG.RUNNING.NODE=\"a\\\"b\\\\c\\nd\\te\"", "node", "a\"b\\c\ndte"},
        {"DG.EVNT=\"Running\" DG.RUNNING.NODE=\"\" DG.RUNNING.NODE=\"n1\"", "node", "n1"},
        {"DG.EVNT=\"Running\" DG.UNKNOWN=\"x\" OTHER=y DG.RUNNING.NODE=\"n1\"", "node", "n1"},
        {"DG.LLLID=5 DG.EVNT=\"Running\" DG.RUNNING.NODE=\"n1\"", "node", "n1"},
        {"DG.ARRIVED=20240101120000.5 DG.EVNT=\"Running\" DG.RUNNING.NODE=\"n1\"", "node", "n1"},
    };
    for (const auto& line : lines) {
        INFO(line.line);
        const auto parsed = parse_ulm(kHeader + kJob + line.line);
        REQUIRE(parsed.ok());
        CHECK(parsed->event.text(line.field) == line.value);
    }
    const auto arrived = parse_ulm(kHeader + kJob + "ARR_DATE=20240101120000.5 DG.EVNT=\"Purge\"");
    CHECK(arrived->arrived_us == 1'704'110'400'000'005);  // .5 is five microseconds
}

TEST_CASE("what was needlessly refused becomes a warning", "[ulm]") {
    const auto done = parse_ulm(kHeader + kJob + "DG.EVNT=\"Done\" DG.DONE.STATUS_CODE=\"MAYBE\"");
    REQUIRE(done.ok());
    CHECK(done->event.text("status_code").empty());
    CHECK(done->warnings.size() >= 2);  // the value, and what is missing
}

TEST_CASE("what is broken is refused with its column", "[ulm]") {
    const std::string fields[] = {"",
                                  "DG.EVNT=\"NoSuchEvent\"",
                                  "DG.EVNT=\"Running\" DG.RUNNING.NODE=\"never closed",
                                  "DG.EVNT=\"Running\" DG.RUNNING.NODE=\"a\"b",
                                  "DG.EVNT=\"Running\" DG.RUNNING.NODE = \"a\"",
                                  "DG.EVNT=\"Running\" DG.RUNNING.NODE=a=b",
                                  "DG.EVNT=\"Running\" DG.RUNNING.NODE=a\\b",
                                  "DG.EVNT=\"Running\" DG.RUNNING.NODE=\"a\" DG.RUNNING.NODE=\"b\"",
                                  "DG.EVNT=\"Running\" DG.DONE.EXIT_CODE=\"1\"",
                                  "DG.EVNT=\"Running\" =x",
                                  "DG.EVNT=\"Purge\" DG.ORIGIN=\"00\"",
                                  "DG.EVNT=\"Purge\" DG.COUNTER=5",
                                  "DG.EVNT=\"Purge\" DG.COUNTER=five"};
    for (const std::string& rest : fields) {
        INFO(rest);
        const auto parsed = parse_ulm(kHeader + kJob + rest);
        REQUIRE_FALSE(parsed.ok());
        CHECK(parsed.error().text.find("column ") != std::string::npos);
    }
    CHECK_FALSE(parse_ulm(kHeader + "DG.EVNT=\"Purge\"").ok());
    CHECK_FALSE(parse_ulm("DG.SOURCE=\"LRMS\" " + kJob + "DG.EVNT=\"Purge\"").ok());
    CHECK_FALSE(parse_ulm(std::string("DG.EVNT=\"Purge\"\0", 17)).ok());
    std::string many = kHeader + kJob + "DG.EVNT=\"Purge\"";
    for (int i = 0; i < 100; ++i) many += " K" + std::to_string(i) + "=1";
    CHECK(parse_ulm(many).error().text.find("100 fields") != std::string::npos);
    // Attributes are ours, and as many as an event may have.
    Event rich;
    rich.type = static_cast<std::uint16_t>(EventType::kPurge);
    rich.time_us = 1;
    rich.source = Source::kUserInterface;
    for (int i = 0; i < 120; ++i) rich.attributes["a" + std::to_string(i)] = "x";
    CHECK(parse_ulm(write_ulm("https://a:9000/abc", rich))->event == rich);
}
