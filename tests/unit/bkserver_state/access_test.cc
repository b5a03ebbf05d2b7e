// Access lists and owners of payloads: what ChangeACL, GrantPayloadOwnership and
// TakePayloadOwnership make of a process, in whatever order they arrive.
#include "bkserver/state/access.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "bkserver/state/engine.h"
#include "common/base/limits.h"
#include "common/event/event_id.h"

namespace lb::state {
namespace {

using E = event::EventType;
using event::Source;

constexpr std::int64_t kSecond = 1'000'000;
constexpr const char* kTypes[] = {
    "VIRTUAL_MACHINE",  "SIMPLE", "COLLECTION",    "PBS",       "CONDOR",
    "PHYSICAL_MACHINE", "CREAM",  "FILE_TRANSFER", "VM_CLUSTER"};

struct Said {
    event::Event event;
    std::string identity = "certificate:/CN=alice";
};

Said say(E type, std::int64_t second) {
    Said said;
    said.event.type = static_cast<std::uint16_t>(type);
    said.event.time_us = second * kSecond;
    said.event.source = Source::kUserInterface;
    said.event.host = "ui.example.org";
    return said;
}

Said registration(const std::string& type, const std::string& machines = {}) {
    Said said = say(E::kRegJob, 0);
    said.event.set_text("jobtype", type);
    if (!machines.empty()) said.event.set_text("wms_dn", machines);
    return said;
}

// "READ ALLOW DN /CN=x ADD" at a time.
Said change(std::int64_t second, const std::string& permission, const std::string& verb,
            const std::string& kind, const std::string& who, const std::string& operation) {
    Said said = say(E::kChangeACL, second);
    said.event.set_text("permission", permission);
    said.event.set_text("permission_type", verb);
    said.event.set_text("user_id_type", kind);
    said.event.set_text("user_id", who);
    said.event.set_text("operation", operation);
    return said;
}

Said grant(std::int64_t second, const std::string& who) {
    Said said = say(E::kGrantPayloadOwnership, second);
    said.event.set_text("payload_owner", who);
    return said;
}

Said take(std::int64_t second, const std::string& identity) {
    Said said = say(E::kTakePayloadOwnership, second);
    said.identity = identity;
    return said;
}

// Each event once, its id by its time: the same whatever the order.
Registers fold(const std::vector<Said>& life) {
    Registers registers = fresh(0);
    for (const Said& said : life) {
        const std::string id = event::event_id_of_text(std::to_string(said.event.time_us));
        event::Arrival arrival;
        arrival.event_id = id;
        arrival.identity = said.identity;
        apply(registers, said.event, arrival);
    }
    return registers;
}

std::vector<std::string> rights(const Registers& registers) {
    const auto attributes = derive(registers, "p").attributes;
    return attributes.contains("access_rights")
               ? attributes["access_rights"].get<std::vector<std::string>>()
               : std::vector<std::string>();
}

// Every order of the events behind the registration gives the same bytes; these are returned.
Registers fold_in_every_order(const Said& first, std::vector<Said> life) {
    const auto is_earlier = [](const Said& one, const Said& other) {
        return one.event.time_us < other.event.time_us;
    };
    std::sort(life.begin(), life.end(), is_earlier);
    const auto with_first = [&] {
        std::vector<Said> whole = life;
        whole.insert(whole.begin(), first);
        return fold(whole);
    };
    const Registers expected = with_first();
    while (std::next_permutation(life.begin(), life.end(), is_earlier))
        REQUIRE(with_first().encode() == expected.encode());
    return expected;
}

}  // namespace

TEST_CASE("of each entry of the access list the newest word counts, for any type, in any order") {
    const std::vector<Said> life = {
        change(10, "READ", "ALLOW", "DN", "/CN=bob", "ADD"),
        change(20, "READ", "ALLOW", "DN", "/CN=eve", "ADD"),
        change(30, "READ", "ALLOW", "DN", "/CN=eve", "REMOVE"),
        change(40, "TAG", "ALLOW", "DN", "/CN=eve", "ADD"),
        change(50, "READ", "DENY", "GROUP", "\"atlas\":\"guests\"", "ADD"),
        change(60, "READ", "ALLOW", "FQAN", "/CN=bob", "ADD"),
    };
    for (const char* type : kTypes) {
        INFO(type);
        const Registers registers = fold_in_every_order(registration(type), life);
        CHECK(rights(registers) ==
              std::vector<std::string>{"READ allowed to DN /CN=bob", "READ allowed to FQAN /CN=bob",
                                       "TAG allowed to DN /CN=eve",
                                       "READ denied to GROUP \"atlas\":\"guests\""});
    }
}

TEST_CASE("an entry goes and comes back") {
    const Registers registers = fold_in_every_order(
        registration("SIMPLE"), {change(10, "READ", "ALLOW", "DN", "/CN=bob", "ADD"),
                                 change(20, "READ", "ALLOW", "DN", "/CN=bob", "REMOVE"),
                                 change(30, "READ", "ALLOW", "DN", "/CN=bob", "ADD"),
                                 change(40, "READ", "ALLOW", "DN", "/CN=bob", "REMOVE")});
    CHECK(access_of(registers).is_empty());
    CHECK_FALSE(derive(registers, "p").attributes.contains("acl"));
}

TEST_CASE("access lists of grid jobs go by time, not by sequence codes") {
    std::vector<Said> life = {registration("SIMPLE"),
                              change(10, "READ", "ALLOW", "DN", "/CN=bob", "ADD"),
                              change(20, "READ", "ALLOW", "DN", "/CN=bob", "REMOVE")};
    life[1].event.sequence_code =
        "UI=000009:NS=0000000009:WM=000009:BH=0000000000:JSS=000000:LM=000000:LRMS=000000:APP="
        "000000:LBS=000000";
    life[2].event.sequence_code =
        "UI=000001:NS=0000000000:WM=000000:BH=0000000000:JSS=000000:LM=000000:LRMS=000000:APP="
        "000000:LBS=000000";
    CHECK(access_of(fold(life)).is_empty());
}

TEST_CASE("the list is shown as the original did, and nothing in it is markup") {
    const auto attributes =
        derive(
            fold({registration("SIMPLE"), change(10, "TAG", "DENY", "DN", "/CN=<bob> & co", "ADD"),
                  change(20, "READ", "ALLOW", "GROUP", "\"vo\":\"g\"", "ADD")}),
            "p")
            .attributes;
    CHECK(attributes["acl"] ==
          "<gacl version=\"0.0.1\">"
          "<entry><voms-cred><group>\"vo\":\"g\"</group></voms-cred><allow><read/></allow></entry>"
          "<entry><person><dn>/CN=&lt;bob&gt; &amp; co</dn></person><deny><tag/></deny></entry>"
          "</gacl>");
}

TEST_CASE("machines of the workload system that a registration names may read") {
    const Access access = access_of(fold({registration("SIMPLE", "/CN=wms1\n\n/CN=wms2\n")}));
    REQUIRE(access.entries.size() == 2);
    CHECK(access.entries[0].who == "/CN=wms1");
    CHECK(access.entries[1].who == "/CN=wms2");
    CHECK(access.entries[1].right == Right::kRead);
    CHECK_FALSE(access.entries[1].is_denial);
}

TEST_CASE("what does not say whom or what it is about changes nothing") {
    CHECK(access_of(fold({registration("SIMPLE"), change(10, "READ", "ALLOW", "DN", "", "ADD"),
                          change(20, "", "ALLOW", "DN", "/CN=bob", "ADD"),
                          change(30, "READ", "", "DN", "/CN=bob", "ADD"),
                          change(40, "READ", "ALLOW", "", "/CN=bob", "ADD"),
                          change(50, "READ", "ALLOW", "DN", "/CN=bob", "")}))
              .is_empty());
    // Kinds and rights that are newer than these rules.
    CHECK(access_of(fold({registration("SIMPLE"), change(10, "7", "ALLOW", "DN", "/CN=bob", "ADD"),
                          change(20, "READ", "ALLOW", "7", "/CN=bob", "ADD")}))
              .is_empty());
}

TEST_CASE("a list that outgrew its bound says so, and lost denials are noticed") {
    for (const char* verb : {"ALLOW", "DENY"}) {
        std::vector<Said> life = {registration("SIMPLE")};
        for (std::size_t i = 0; i <= limits::kNamesPerRegisterMax; ++i)
            life.push_back(change(static_cast<std::int64_t>(i) + 1, "READ", verb, "DN",
                                  "/CN=" + std::to_string(i), "ADD"));
        const Access access = access_of(fold(life));
        CHECK(access.entries.size() == limits::kNamesPerRegisterMax);
        CHECK(access.has_lost_denials == (std::string_view(verb) == "DENY"));
        std::reverse(life.begin() + 1, life.end());
        CHECK(fold(life).encode() == fold(life).encode());
        CHECK(derive(fold(life), "p").attributes.contains("truncated"));
    }
}

TEST_CASE("who was granted the payload and took it owns it, however the grant spells him") {
    CHECK(payload_owner(fold({registration("SIMPLE"), grant(10, "/CN=bob")})).empty());
    CHECK(payload_owner(fold({registration("SIMPLE"), take(10, "certificate:/CN=bob")})).empty());
    CHECK(payload_owner(
              fold({registration("SIMPLE"), grant(10, "/CN=bob"), take(20, "certificate:/CN=eve")}))
              .empty());
    for (const char* granted : {"/CN=bob", "certificate:/CN=bob"}) {
        const Registers registers = fold_in_every_order(
            registration("SIMPLE"), {grant(10, granted), take(20, "certificate:/CN=bob")});
        CHECK(payload_owner(registers) == granted);
        CHECK(derive(registers, "p").attributes["payload_owner"] == granted);
    }
    CHECK(payload_owner(fold({registration("SIMPLE"), grant(10, "/CN=bob"),
                              take(20, "certificate:/CN=bob"), grant(30, "uid:7@ui.example.org"),
                              take(40, "uid:7@ui.example.org")})) == "uid:7@ui.example.org");
}

}  // namespace lb::state
