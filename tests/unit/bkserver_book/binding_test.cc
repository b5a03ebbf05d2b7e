#include <catch2/catch.hpp>

#include "common/base/limits.h"
#include "common/event/process_id.h"
#include "tests/unit/bkserver_book/desk.h"

using namespace lb;
using namespace lb::test;
using E = event::EventType;
using event::Source;

namespace {

const std::string kId = event::ProcessId::of_libvirt_uuid(kService, kUuid)->to_string();
const std::string kOneKey = "one-vmid:cloud1/42";

EventBuilder registration(const std::string& subject) {
    EventBuilder built(E::kRegJob, Source::kUserInterface, subject);
    built.at(-10).field("jobtype", "VIRTUAL_MACHINE").field("ns", "-");
    return built;
}

EventBuilder running(const std::string& subject) {
    EventBuilder built(E::kVMRunning, Source::kVmManager, subject);
    built.at(1).field("hostname", "node1.example.org");
    return built;
}

EventBuilder binding(const std::string& subject, const std::string& key) {
    EventBuilder built(E::kBind, Source::kUserInterface, subject);
    built.at(2).field("key", key);
    return built;
}

EventBuilder heartbeat(const std::string& subject, int second) {
    EventBuilder built(E::kVMHeartbeat, Source::kVmSystem, subject);
    built.at(second).field("uptime_s", std::to_string(second));
    return built;
}

std::vector<store::Heartbeat> heartbeats_of(const Desk& desk, const std::string& name) {
    return (*desk.database->open_reader())->heartbeats_of(desk.process(name).number).value();
}

}  // namespace

TEST_CASE("a host adopts a machine that nobody registered; its owner takes it over", "[book]") {
    Desk desk;
    CHECK(desk.verdict(running(kUuidKey)) == v1::VERDICT_ACCEPTED);
    CHECK(desk.status(kUuidKey)["adopted"] == true);
    CHECK(desk.process(kUuidKey).id == kId);
    CHECK(desk.verdict(registration(kId).uid(1000)) == v1::VERDICT_ACCEPTED);
    const auto status = desk.status(kId);
    CHECK_FALSE(status.contains("adopted"));
    CHECK(status["vm_state"] == "running");
    CHECK(desk.is_rebuild_equal(kId));
}

TEST_CASE("a machine that was named before a host vouched for it is adopted then", "[book]") {
    Desk desk;
    CHECK(desk.verdict(running(kId)) == v1::VERDICT_UNREGISTERED);
    CHECK(desk.process(kId).waiting == 1);
    CHECK(desk.verdict(running(kUuidKey).at(3)) == v1::VERDICT_ACCEPTED);
    CHECK(desk.process(kId).waiting == 0);
    CHECK(desk.status(kId)["adopted"] == true);
    CHECK(desk.is_rebuild_equal(kId));
}

TEST_CASE("without the right to adopt, events wait for the registration", "[book]") {
    Desk desk;
    desk.policy.is_adopting = false;
    CHECK(desk.verdict(running(kUuidKey)) == v1::VERDICT_UNREGISTERED);
    CHECK(desk.verdict(registration(kId)) == v1::VERDICT_ACCEPTED);
    // The key's events become the process's own with the next event that names it.
    CHECK(desk.verdict(running(kUuidKey).at(5)) == v1::VERDICT_ACCEPTED);
    CHECK(desk.status(kId)["vm_state"] == "running");
    CHECK(desk.is_rebuild_equal(kId));
}

TEST_CASE("a key is bound before or after its events", "[book]") {
    const bool bind_first = GENERATE(true, false);
    Desk desk;
    CHECK(desk.verdict(registration(kId).uid(1000)) == v1::VERDICT_ACCEPTED);
    const auto bind = binding(kId, kOneKey).uid(1000);
    if (bind_first) CHECK(desk.verdict(bind) == v1::VERDICT_ACCEPTED);
    CHECK(desk.verdict(running(kOneKey)) == v1::VERDICT_ACCEPTED);
    if (!bind_first) CHECK(desk.verdict(bind) == v1::VERDICT_ACCEPTED);
    CHECK(desk.process(kOneKey).id == kId);
    CHECK(desk.status(kId)["vm_state"] == "running");
    CHECK(desk.is_rebuild_equal(kId));
}

TEST_CASE("a machine that turns out to be another one brings its signs of life", "[book]") {
    const bool is_one_batch = GENERATE(true, false);
    const bool was_heard = GENERATE(true, false);
    Desk desk;
    CHECK(desk.verdict(registration(kId).uid(1000)) == v1::VERDICT_ACCEPTED);
    if (was_heard) CHECK(desk.verdict(heartbeat(kId, 20)) == v1::VERDICT_ACCEPTED);
    CHECK(desk.verdict(running(kOneKey)) == v1::VERDICT_ACCEPTED);
    const auto beat = heartbeat(kOneKey, 30);
    const auto bind = binding(kId, kOneKey).uid(1000);
    if (is_one_batch) {
        const book::Arrived both[] = {beat.arrived(), bind.arrived()};
        REQUIRE(desk.book->settle(both).ok());
    } else {
        CHECK(desk.verdict(beat) == v1::VERDICT_ACCEPTED);
        CHECK(desk.verdict(bind) == v1::VERDICT_ACCEPTED);
    }
    CHECK(desk.process(kOneKey).id == kId);
    CHECK(desk.process(kId).has_heartbeats);
    const auto beats = heartbeats_of(desk, kId);
    REQUIRE(beats.size() == 1);
    CHECK(beats[0].uptime_s == 30);
}

TEST_CASE("a server that does not know of a merge yet loses no sign of life by it", "[book]") {
    Desk desk;
    const auto other_database = desk.open_database("second");
    const auto other_book = desk.open_book(*other_database, 1);
    const auto settle_there = [&](const EventBuilder& event) {
        const book::Arrived arrived = event.arrived();
        return other_book->settle(std::span(&arrived, 1)).value().front().verdict;
    };
    CHECK(desk.verdict(registration(kId).uid(1000)) == v1::VERDICT_ACCEPTED);
    CHECK(settle_there(running(kOneKey)) == v1::VERDICT_ACCEPTED);
    CHECK(desk.verdict(binding(kId, kOneKey).uid(1000)) == v1::VERDICT_ACCEPTED);
    CHECK(settle_there(heartbeat(kOneKey, 30)) == v1::VERDICT_ACCEPTED);
    CHECK(desk.process(kId).has_heartbeats);
    CHECK(heartbeats_of(desk, kId).size() == 1);
}

TEST_CASE("a second claimant of a key is refused", "[book]") {
    Desk desk;
    const std::string other = "https://" + std::string(kService) + "/other";
    CHECK(desk.verdict(registration(kId).uid(1000)) == v1::VERDICT_ACCEPTED);
    CHECK(desk.verdict(registration(other).uid(1001)) == v1::VERDICT_ACCEPTED);
    CHECK(desk.verdict(binding(kId, kOneKey).uid(1000)) == v1::VERDICT_ACCEPTED);
    CHECK(desk.verdict(binding(kId, kOneKey).uid(1000)) == v1::VERDICT_ACCEPTED);
    const auto refused = desk.settle(binding(other, kOneKey).uid(1001));
    CHECK(refused.verdict == v1::VERDICT_DENIED);
    CHECK(refused.reason.find(kId) != std::string::npos);
    CHECK(desk.verdict(binding(other, "no key").uid(1001)) == v1::VERDICT_MALFORMED);
}

TEST_CASE("a key that a batch binds is one process for the rest of the batch", "[book]") {
    Desk desk;
    CHECK(desk.verdict(running(kOneKey)) == v1::VERDICT_ACCEPTED);
    const std::string founded = desk.process(kOneKey).id;
    CHECK(founded != kId);
    // Nobody registered kId yet: the process of the key merges into it, and is asked for again.
    const book::Arrived batch[] = {binding(kId, kOneKey).uid(1000).arrived(),
                                   running(kOneKey).at(5).arrived()};
    const auto settled = desk.book->settle(batch);
    REQUIRE(settled.ok());
    for (const book::Settled& one : *settled) CHECK(one.verdict == v1::VERDICT_ACCEPTED);
    for (const std::string& name : {kId, kOneKey, founded}) CHECK(desk.process(name).id == kId);
    CHECK(desk.is_rebuild_equal(kId));
    CHECK(desk.verdict(running(founded).at(7)) == v1::VERDICT_ACCEPTED);
}

TEST_CASE("a binding that is refused leaves nothing behind", "[book]") {
    Desk desk;
    CHECK(desk.verdict(binding(kId, "no key")) == v1::VERDICT_MALFORMED);
    CHECK_FALSE(desk.knows(kId));

    CHECK(desk.verdict(running(kId)) == v1::VERDICT_UNREGISTERED);
    desk.run_sql("UPDATE process SET waiting = " + std::to_string(limits::kWaitingEventsMax));
    desk.book = desk.open_book(*desk.database, 0);  // remembers nothing
    const book::Settled refused = desk.settle(binding(kId, kOneKey));
    CHECK(refused.verdict == v1::VERDICT_DENIED);
    CHECK(refused.reason == "too many events wait for the registration of this process");
    CHECK_FALSE(desk.knows(kOneKey));
}
