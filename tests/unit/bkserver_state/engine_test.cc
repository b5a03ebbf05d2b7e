#include "bkserver/state/engine.h"

#include <catch2/catch.hpp>
#include <string>

#include "bkserver/state/claim_limits.h"
#include "common/base/limits.h"
#include "common/event/event_id.h"
#include "tests/support/used_bytes.h"

namespace lb::state {
namespace {

using E = event::EventType;
using event::Source;

constexpr std::int64_t kSecond = 1'000'000;

event::Event make(E type, std::int64_t second, Source source = Source::kCloudManager) {
    event::Event event;
    event.type = static_cast<std::uint16_t>(type);
    event.time_us = second * kSecond;
    event.source = source;
    event.host = "one.example.org";
    return event;
}

Outcome put(Registers& registers, const event::Event& event, const std::string& name) {
    const std::string id = event::event_id_of_text(name);
    event::Arrival arrival;
    arrival.event_id = id;
    return apply(registers, event, arrival);
}

event::Event registration(const std::string& type, std::int64_t second, const std::string& user) {
    event::Event event = make(E::kRegJob, second, Source::kUserInterface);
    event.user = user;
    event.set_text("jobtype", type);
    return event;
}

}  // namespace

TEST_CASE("events before the registration wait, the registration tells the type") {
    Registers registers = fresh(0);
    CHECK(put(registers, make(E::kVMRunning, 10), "run") == Outcome::kWaiting);
    CHECK(derive(registers, "p").state == MainState::kUnknown);
    CHECK(registers == fresh(0));
    CHECK(put(registers, registration("VIRTUAL_MACHINE", 0, "/CN=a"), "reg") ==
          Outcome::kTypeChanged);
    CHECK(put(registers, make(E::kVMRunning, 10), "run") == Outcome::kApplied);
    const ProcessStatus status = derive(registers, "p");
    CHECK(status.vm_state == "running");
    CHECK(status.owner == "/CN=a");
    CHECK_FALSE(status.is_adopted);
    CHECK(status.entered_us == 10 * kSecond);
}

TEST_CASE("the first registration owns; a second one resets nothing") {
    Registers registers = fresh(0);
    put(registers, registration("VIRTUAL_MACHINE", 5, "/CN=late"), "second");
    put(registers, make(E::kVMRunning, 10), "run");
    put(registers, registration("VIRTUAL_MACHINE", 0, "/CN=first"), "first");
    put(registers, registration("VIRTUAL_MACHINE", 60, "/CN=third"), "third");
    const ProcessStatus status = derive(registers, "p");
    CHECK(status.owner == "/CN=first");
    CHECK(status.state == MainState::kRunning);
    CHECK(status.updated_us == 10 * kSecond);
}

TEST_CASE("the FQANs of whoever registered it first are kept, those of later ones are not") {
    Registers registers = fresh(0);
    const std::string ids[] = {event::event_id_of_text("1"), event::event_id_of_text("2")};
    event::Arrival arrival;
    arrival.event_id = ids[0];
    arrival.fqans = "/atlas/Role=production\n/atlas";
    apply(registers, registration("SIMPLE", 0, "/CN=a"), arrival);
    arrival.event_id = ids[1];
    arrival.fqans = "/other";
    apply(registers, registration("SIMPLE", 5, "/CN=a"), arrival);
    CHECK(derive(registers, "p").attributes["user_fqans"] ==
          std::vector<std::string>{"/atlas/Role=production", "/atlas"});
    CHECK(explain(registers, "user_fqans")->decided_by->event_id == ids[0]);
}

TEST_CASE("the first registration decides the type in every order") {
    const auto first = registration("VIRTUAL_MACHINE", 0, "/CN=a");
    const auto second = registration("SIMPLE", 1, "/CN=a");
    Registers one = fresh(0);
    put(one, first, "first");
    CHECK(put(one, second, "second") == Outcome::kApplied);
    Registers other = fresh(0);
    put(other, second, "second");
    CHECK(put(other, first, "first") == Outcome::kTypeChanged);
    CHECK(other.type == 11);
    put(other, second, "second");
    CHECK(one == other);
}

TEST_CASE("a process that only a key implies is adopted, without an owner") {
    Registers registers = fresh(11);
    CHECK(put(registers, make(E::kVMRunning, 10), "run") == Outcome::kApplied);
    const ProcessStatus status = derive(registers, "libvirt-uuid:/x");
    CHECK(status.is_adopted);
    CHECK(status.owner.empty());
    CHECK(status.attributes.at("adopted") == true);
    CHECK_FALSE(is_registered(registers));
}

TEST_CASE("an event of an unknown type marks the registers and changes nothing else") {
    Registers registers = fresh(11);
    event::Event unknown = make(E::kVMRunning, 10);
    unknown.type = 9999;
    CHECK(put(registers, unknown, "new") == Outcome::kNotUnderstood);
    CHECK(registers.not_understood);
    CHECK(registers.track.empty());
}

TEST_CASE("tags are kept per name without regard to case, up to a limit that says truncated") {
    Registers registers = fresh(11);
    for (std::size_t i = 0; i < limits::kNamesPerRegisterMax + 10; ++i) {
        event::Event tag = make(E::kUserTag, static_cast<std::int64_t>(i));
        tag.set_text("name", "Tag" + std::to_string(i));
        tag.set_text("value", std::to_string(i));
        put(registers, tag, "tag" + std::to_string(i));
    }
    event::Event again = make(E::kUserTag, 5000);
    again.set_text("name", "TAG200");
    again.set_text("value", "new");
    put(registers, again, "again");
    const auto status = derive(registers, "p").attributes;
    CHECK(status.at("user_tags").size() == limits::kNamesPerRegisterMax);
    CHECK(status.at("user_tags").at("TAG200") == "new");
    CHECK_FALSE(status.at("user_tags").contains("Tag0"));
    CHECK(status.at("truncated").at(0) == "user_tags");
}

TEST_CASE("texts are cut to what a register keeps, in every order alike") {
    const auto tag = [](std::string name, std::string value, int at) {
        event::Event event = make(E::kUserTag, at, Source::kUserInterface);
        event.set_text("name", std::move(name));
        event.set_text("value", std::move(value));
        return event;
    };
    const std::string beginning(limits::kClaimNameBytesMax, 'n');
    const std::vector<event::Event> events = {
        tag("notes", std::string(500'000, 'x'), 1),
        tag(beginning + "1", "old", 2),
        tag(beginning + "2", "new", 3),
        tag("notes", "short", 4),
        tag("few", "\u00e4", 5),
        tag("wide", std::string(limits::kNamedTextBytesMax - 1, 'y') + "\u00e4", 6)};
    const auto fold = [&](std::vector<std::size_t> order) {
        Registers registers = fresh(11);
        for (const std::size_t i : order) put(registers, events[i], "t" + std::to_string(i));
        return registers;
    };
    const Registers kept = fold({0, 1, 2, 3, 4, 5});
    CHECK(kept.encode() == fold({5, 4, 3, 2, 1, 0}).encode());
    Registers half = fold({0, 2, 4});
    REQUIRE(merge(half, fold({1, 3, 5})));
    CHECK(kept.encode() == half.encode());
    const auto status = derive(kept, "p").attributes;
    CHECK(status["user_tags"]["notes"] == "short");
    CHECK(status["user_tags"][beginning] == "new");
    CHECK(status["user_tags"]["wide"] == std::string(limits::kNamedTextBytesMax - 1, 'y'));
    CHECK(status["truncated"] == nlohmann::ordered_json{"user_tags"});
}

TEST_CASE("no process becomes larger than can be stored, however long its tags and texts are") {
    Registers registers = fresh(11);
    for (int i = 0; i < 300; ++i) {
        event::Event event = make(E::kUserTag, i, Source::kUserInterface);
        event.set_text("name", std::to_string(i) + std::string(20'000, 'n'));
        event.set_text("value", std::string(20'000, 'v'));
        put(registers, event, "t" + std::to_string(i));
    }
    event::Event connect = make(E::kConnectJob, 301, Source::kUserInterface);
    connect.set_text("dest_jobid", std::string(20'000, 'i'));
    put(registers, connect, "connect");
    CHECK(registers.encode().size() < 2 * limits::kEventBytesMax);
    CHECK(derive(registers, "p").attributes["truncated"] ==
          nlohmann::ordered_json{"user_tags", "edges"});
}

TEST_CASE("relations are kept from either end and fall silent when an end has ended") {
    Registers registers = fresh(11);
    event::Event connect = make(E::kConnectJob, 5);
    connect.set_text("dest_jobid", "https://lb.example.org:9000/other");
    put(registers, connect, "connect");
    CHECK(derive(registers, "p").attributes.at("connections").at(0).at("state") == "active");
    const auto mirror = mirror_of(connect, "p");
    REQUIRE(mirror.has_value());
    CHECK(mirror->process == "https://lb.example.org:9000/other");
    CHECK(mirror->event.text("dest_jobid") == "p");
    CHECK_FALSE(mirror_of(mirror->event, mirror->process).has_value());
    event::Event done = make(E::kVMDone, 10);
    done.set_text("status_code", "OK");
    put(registers, done, "done");
    CHECK(derive(registers, "p").attributes.at("connections").at(0).at("state") == "inactive");
    event::Event disconnect = make(E::kDisconnectJob, 20);
    disconnect.set_text("dest_jobid", "https://lb.example.org:9000/other");
    put(registers, disconnect, "disconnect");
    CHECK(derive(registers, "p").attributes.at("connections").at(0).at("state") == "cancelled");
}

TEST_CASE("a relation that the other end gives up is given up, whatever this end's clock says") {
    Registers job = fresh(1);
    event::Event connect = make(E::kConnectJob, 5);
    connect.sequence_code =
        "UI=000003:NS=0000000000:WM=000000:BH=0000000000:JSS=000000:LM=000000:LRMS=000000:"
        "APP=000000";
    connect.set_text("dest_jobid", "https://lb.example.org:9000/vm");
    put(job, connect, "connect");
    event::Event disconnect = make(E::kDisconnectJob, 20);
    disconnect.set_text("dest_jobid", "https://lb.example.org:9000/job");
    put(job, mirror_of(disconnect, "https://lb.example.org:9000/vm")->event, "disconnect");
    CHECK(derive(job, "job").attributes.at("connections").at(0).at("state") == "cancelled");
}

TEST_CASE("a job that was cleared has no active relations") {
    Registers job = fresh(1);
    event::Event connect = make(E::kConnectJob, 5);
    connect.set_text("dest_jobid", "https://lb.example.org:9000/vm");
    put(job, connect, "connect");
    event::Event clear = make(E::kClear, 20, Source::kNetworkServer);
    clear.set_text("reason", "USER");
    put(job, clear, "clear");
    CHECK(derive(job, "job").attributes.at("connections").at(0).at("state") == "inactive");
}

TEST_CASE("addresses tell since when and until when") {
    Registers registers = fresh(11);
    event::Event add = make(E::kVMNetwork, 5);
    add.set_text("operation", "ADD");
    add.set_text("ip", "10.0.0.5");
    add.set_text("mac", "52:54:00:00:00:01");
    put(registers, add, "add");
    auto address = derive(registers, "p").attributes.at("addresses").at("10.0.0.5");
    CHECK(address.at("mac") == "52:54:00:00:00:01");
    CHECK(address.at("from") == "1970-01-01T00:00:05.000000Z");
    CHECK_FALSE(address.contains("to"));
    event::Event gone = make(E::kVMNetwork, 9);
    gone.set_text("operation", "REMOVE");
    gone.set_text("ip", "10.0.0.5");
    put(registers, gone, "gone");
    address = derive(registers, "p").attributes.at("addresses").at("10.0.0.5");
    CHECK(address.at("to") == "1970-01-01T00:00:09.000000Z");
}

TEST_CASE("an attribute is explained by its deciding event, the overruled ones and the rules") {
    Registers registers = fresh(11);
    put(registers, make(E::kVMRunning, 10), "run");
    put(registers, make(E::kVMStop, 20), "stop");
    const auto state = explain(registers, "vm_state");
    REQUIRE(state.ok());
    CHECK(state->value == "stopped");
    CHECK(state->decided_by->event_id == event::event_id_of_text("stop"));
    CHECK(state->decided_by->event == "VMStop");
    REQUIRE(state->overruled.size() == 1);
    CHECK(state->overruled[0].event_id == event::event_id_of_text("run"));
    CHECK_FALSE(state->rules.empty());
    CHECK(explain(registers, "vm_name")->remark == "no event says so: the default");
    CHECK(explain(registers, "nonsense").error().code == ErrorCode::kNotFound);
}

TEST_CASE("a value of a damaged database that is no UTF-8 is still explained") {
    Registers registers = fresh(11);
    event::Event tag = make(E::kUserTag, 1);
    tag.set_text("name", "colour");
    tag.set_text("value", "\xff");
    put(registers, tag, "tag");
    const auto tags = explain(registers, "user_tags");
    REQUIRE(tags.ok());
    CHECK(tags->value == "{\"colour\":\"\xef\xbf\xbd\"}");
}

TEST_CASE("what an event claims can be listed without registers") {
    event::Event image = make(E::kVMImage, 1);
    image.set_text("image", "img-2");
    CHECK(claims_of(11, image) ==
          std::vector<std::pair<std::string, std::string>>{{"vm_image", "img-2"}});
    const auto claims = claims_of(11, make(E::kVMStop, 1));
    REQUIRE(claims.size() == 2);
    CHECK(claims[1] == std::pair<std::string, std::string>{"vm_state", "stopped"});
}

TEST_CASE("registers survive encoding; those of newer rules are refused") {
    Registers registers = fresh(11);
    put(registers, make(E::kVMRunning, 10), "run");
    const std::string bytes = registers.encode();
    CHECK(Registers::decode(bytes)->encode() == bytes);
    Registers newer = registers;
    newer.rules_version = kRulesVersion + 1;
    CHECK(Registers::decode(newer.encode()).error().code == ErrorCode::kUnsupported);
    CHECK(Registers::decode("nonsense").error().code == ErrorCode::kCorrupt);
    CHECK(Registers::decode("").error().code == ErrorCode::kCorrupt);
}

TEST_CASE("a physical machine is believed by its own word") {
    Registers registers = fresh(0);
    put(registers, registration("PHYSICAL_MACHINE", 0, "/CN=a"), "reg");
    put(registers, make(E::kVMBoot, 5, Source::kVmSystem), "boot");
    CHECK(derive(registers, "p").vm_state == "boot");
    put(registers, make(E::kVMRunning, 10, Source::kVmSystem), "run");
    CHECK(derive(registers, "p").vm_state == "really-running");
    put(registers, make(E::kVMStop, 20, Source::kVmManager), "off");
    CHECK(derive(registers, "p").vm_state == "stopped");
}

TEST_CASE("registers are counted as the memory that they take") {
    Registers registers = fresh(0);
    put(registers, registration("VIRTUAL_MACHINE", 0, "/CN=a"), "reg");
    for (int i = 1; i <= 60; ++i) {
        event::Event event = make(i % 2 == 0 ? E::kVMStop : E::kVMRunning, i, Source::kVmManager);
        event.host = "node" + std::to_string(i % 7) + ".example.org";
        put(registers, event, "event " + std::to_string(i));
    }
    const std::size_t before = test::used_bytes();
    const std::vector<Registers> copies(500, registers);
    const auto taken = static_cast<double>(test::used_bytes() - before);
    if (taken == 0) {
        WARN("skipped: this allocator, a sanitizer's, does not tell what is in use");
        return;
    }
    const std::size_t counted = copies.size() * (sizeof(Registers) + memory_of(copies.front()));
    CHECK(static_cast<double>(counted) / taken == Approx(1).margin(0.1));
}

}  // namespace lb::state
