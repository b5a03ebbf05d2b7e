// ULM, as section 18 of the format's description says; hostile text included.
#include "common/event/ulm.h"

#include <catch2/catch.hpp>
#include <random>

#include "common/event/codec.h"
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
            Event event = test::random_event(type, random, i == 0);
            event.attributes.clear();  // ULM has no place for them
            event.source_instance = "x" + event.source_instance;
            INFO(type.name);
            const std::string line = write_ulm("https://a:9000/abc", event);
            INFO(line);
            CHECK(line.find('\n') == std::string::npos);
            const auto parsed = parse_ulm(line);
            REQUIRE(parsed.ok());
            CHECK(parsed->subject == "https://a:9000/abc");
            if (event.host.empty()) event.host = "";
            CHECK(encode(parsed->event) == encode(event));
        }
    }
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
                                  "DG.EVNT=\"Running\" =x"};
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
}
