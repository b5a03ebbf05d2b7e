#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>

#include "bkserver/store/body_codec.h"
#include "common/event/process_id.h"
#include "tests/unit/bkserver_book/desk.h"

using namespace lb;
using namespace lb::test;
using E = event::EventType;
using event::Source;

namespace {

const std::string kId = event::ProcessId::of_libvirt_uuid(kService, kUuid)->to_string();

EventBuilder registration(const std::string& subject = kId) {
    EventBuilder built(E::kRegJob, Source::kUserInterface, subject);
    built.at(-10).field("jobtype", "VIRTUAL_MACHINE").field("ns", "-");
    return built;
}

EventBuilder running(const std::string& subject = kUuidKey) {
    EventBuilder built(E::kVMRunning, Source::kVmManager, subject);
    built.at(1).field("hostname", "node1.example.org");
    return built;
}

}  // namespace

TEST_CASE("an event is taken once, whatever comes with its id", "[book]") {
    Desk desk;
    CHECK(desk.verdict(registration().id("r")) == v1::VERDICT_ACCEPTED);
    CHECK(desk.verdict(running().id("1")) == v1::VERDICT_ACCEPTED);
    CHECK(desk.verdict(running().id("1")) == v1::VERDICT_DUPLICATE);
    auto other = running();
    const book::Settled conflict = desk.settle(other.field("hostname", "node2.example.org"));
    CHECK(conflict.verdict == v1::VERDICT_ACCEPTED);
    v1::Envelope forged = running().envelope();
    book::Arrived arrived = running().arrived();
    REQUIRE(forged.ParseFromString(arrived.envelope));
    CHECK(desk.book->settle(std::span(&arrived, 1))->front().verdict == v1::VERDICT_ACCEPTED);
    forged.set_event(other.envelope().event());
    arrived.envelope = forged.SerializeAsString();
    const book::Settled refused = desk.book->settle(std::span(&arrived, 1))->front();
    CHECK(refused.verdict == v1::VERDICT_CONFLICT);
    CHECK(refused.reason.find("same id") != std::string::npos);
    CHECK(desk.is_rebuild_equal(kId));
}

TEST_CASE("an identity that cannot be kept whole is refused, and no other event with it",
          "[book]") {
    Desk desk;
    const auto named = [](std::size_t bytes) {
        v1::Envelope envelope = registration().envelope();
        v1::Identity& identity = *envelope.mutable_acceptance()->mutable_identity();
        identity.set_kind(v1::IDENTITY_KIND_IMPORT);
        identity.set_name("/CN=" + std::string(bytes, 'x'));
        book::Arrived arrived = registration().arrived();
        arrived.envelope = envelope.SerializeAsString();
        return arrived;
    };
    const std::vector<book::Arrived> batch = {named(1010),
                                              registration(kUuidKey).id("2").arrived()};
    const auto settled = desk.book->settle(batch);
    REQUIRE(settled.ok());
    CHECK((*settled)[0].verdict == v1::VERDICT_MALFORMED);
    CHECK((*settled)[0].reason ==
          "the identity that logged the event is 1026 bytes long; more than 1024 are refused");
    CHECK((*settled)[1].verdict == v1::VERDICT_ACCEPTED);
    CHECK(desk.database->open_reader().value()->list_dead_letters(0, 10)->size() == 1);

    Desk other;
    const book::Arrived longest = named(1008);
    CHECK(other.book->settle(std::span(&longest, 1))->front().verdict == v1::VERDICT_ACCEPTED);
    CHECK(other.status(kId)["owner"] == "/CN=" + std::string(1008, 'x'));
    CHECK(other.process(kId).registrant == "certificate:/CN=" + std::string(1008, 'x'));
}

TEST_CASE("an event that makes the server throw is set aside, and no other event with it",
          "[book]") {
    Desk desk;
    desk.policy.broken_source = Source::kVmManager;
    const std::vector<book::Arrived> batch = {registration().id("1").arrived(),
                                              running().id("2").arrived(),
                                              registration().id("3").arrived()};
    const auto settled = desk.book->settle(batch);
    REQUIRE(settled.ok());
    CHECK((*settled)[0].verdict == v1::VERDICT_ACCEPTED);
    CHECK((*settled)[1].verdict == v1::VERDICT_MALFORMED);
    CHECK((*settled)[1].reason == "refused: broken by the test");
    CHECK((*settled)[2].verdict == v1::VERDICT_ACCEPTED);
    CHECK(desk.database->open_reader().value()->list_dead_letters(0, 10)->size() == 1);
}

TEST_CASE("registers that cannot be unpacked stand in nobody's way, the next event mends them",
          "[book]") {
    Desk desk;
    CHECK(desk.verdict(registration().id("1")) == v1::VERDICT_ACCEPTED);
    desk.run_sql("UPDATE process SET registers = 'nonsense', registers_format = 2");
    CHECK(desk.process(kId).registers.empty());
    desk.book = desk.open_book(*desk.database, 0);  // remembers nothing
    CHECK(desk.verdict(running().id("2")) == v1::VERDICT_ACCEPTED);
    CHECK(desk.status(kId).at("vm_state") == "running");
    CHECK(desk.is_rebuild_equal(kId));
}

TEST_CASE("registers are packed only if they can be unpacked again", "[book]") {
    CHECK(store::pack_registers(std::string(std::size_t{16} << 20, 'x')).ok());
    CHECK(store::pack_registers(std::string((std::size_t{16} << 20) + 1, 'x')).error().code ==
          ErrorCode::kReject);
}

TEST_CASE("twins in one batch are settled like twins in two", "[book]") {
    Desk desk;
    const auto first = registration().id("r").arrived();
    const auto second = running().id("1").arrived();
    const std::vector<book::Arrived> batch = {first, second, second, first};
    const auto settled = desk.book->settle(batch);
    REQUIRE(settled.ok());
    CHECK((*settled)[0].verdict == v1::VERDICT_ACCEPTED);
    CHECK((*settled)[1].verdict == v1::VERDICT_ACCEPTED);
    CHECK((*settled)[2].verdict == v1::VERDICT_DUPLICATE);
    CHECK((*settled)[3].verdict == v1::VERDICT_DUPLICATE);
    CHECK(desk.status(kId)["vm_state"] == "running");
}

TEST_CASE("two reporters of one message may have written it differently", "[book]") {
    Desk desk;
    CHECK(desk.verdict(registration()) == v1::VERDICT_ACCEPTED);
    CHECK(desk.verdict(running().id("message 7")) == v1::VERDICT_ACCEPTED);
    CHECK(desk.verdict(running().id("message 7").field("hostname", "node9")) ==
          v1::VERDICT_DUPLICATE);
    EventBuilder stop(E::kVMStop, Source::kVmManager, kUuidKey);
    CHECK(desk.verdict(stop.id("message 7")) == v1::VERDICT_CONFLICT);
}

TEST_CASE("garbage becomes a dead letter and the rest of the batch goes on", "[book]") {
    Desk desk;
    book::Arrived garbage = running().arrived();
    garbage.envelope = "no envelope";
    v1::Envelope without_event = running().envelope();
    without_event.set_event("\xff\xff");
    book::Arrived broken = running().arrived();
    broken.envelope = without_event.SerializeAsString();
    const std::vector<book::Arrived> batch = {garbage, registration().arrived(), broken,
                                              running().arrived()};
    const auto settled = desk.book->settle(batch);
    REQUIRE(settled.ok());
    CHECK((*settled)[0].verdict == v1::VERDICT_MALFORMED);
    CHECK((*settled)[1].verdict == v1::VERDICT_ACCEPTED);
    CHECK((*settled)[2].verdict == v1::VERDICT_MALFORMED);
    CHECK((*settled)[3].verdict == v1::VERDICT_ACCEPTED);
    const auto reader = desk.database->open_reader();
    REQUIRE(reader.ok());
    CHECK((*reader)->list_dead_letters(0, 10)->size() == 2);
}

// One end tells of it; both know, and what is loaded from a dump is no second relation.
TEST_CASE("a relation is known at both of its ends", "[book]") {
    const std::string job = "https://" + std::string(kService) + "/job";
    const auto told = [&](E type, double at) {
        EventBuilder built(type, Source::kCloudManager, kUuidKey);
        built.at(at).field("dest_jobid", job);
        if (type == E::kConnectJob) built.field("jobtype", "SIMPLE");
        return built.id(std::to_string(at));
    };
    const auto state_at = [&](const Desk& desk, const std::string& end) {
        const auto connections = desk.status(end)["connections"];
        REQUIRE(connections.size() == 1);
        CHECK(connections[0]["from"] == end);
        CHECK(connections[0]["to"] == (end == job ? kId : job));
        return connections[0]["state"].get<std::string>();
    };
    Desk desk;
    CHECK(desk.verdict(registration()) == v1::VERDICT_ACCEPTED);
    CHECK(desk.verdict(told(E::kConnectJob, 1)) == v1::VERDICT_ACCEPTED);
    CHECK(desk.process(job).waiting == 1);  // nobody has registered it yet
    EventBuilder registered(E::kRegJob, Source::kUserInterface, job);
    registered.at(0).field("jobtype", "SIMPLE").field("ns", "-");
    CHECK(desk.verdict(registered) == v1::VERDICT_ACCEPTED);
    CHECK(state_at(desk, kId) == "active");
    CHECK(state_at(desk, job) == "active");
    CHECK(desk.verdict(told(E::kConnectJob, 1)) == v1::VERDICT_DUPLICATE);
    CHECK(desk.verdict(told(E::kDisconnectJob, 2)) == v1::VERDICT_ACCEPTED);
    CHECK(state_at(desk, kId) == "cancelled");
    CHECK(state_at(desk, job) == "cancelled");
    CHECK(desk.is_rebuild_equal(kId));
    CHECK(desk.is_rebuild_equal(job));

    auto reader = desk.database->open_reader();
    REQUIRE(reader.ok());
    auto stored = (*reader)->read_arrivals(0, 0, std::numeric_limits<std::int64_t>::max(), 100);
    REQUIRE(stored.ok());
    REQUIRE(stored->size() == 6);
    std::vector<book::Arrived> again;
    for (const store::Event& event : *stored)
        again.push_back({event.envelope, event.forwarder, event.arrived_us});
    for (const bool is_backwards : {false, true}) {
        Desk other;
        if (is_backwards) std::reverse(again.begin(), again.end());
        REQUIRE(other.book->settle(again).ok());
        CHECK(other.status(job) == desk.status(job));
        CHECK(other.status(kId) == desk.status(kId));
        auto second = other.database->open_reader();
        REQUIRE(second.ok());
        const auto all =
            (*second)->read_arrivals(0, 0, std::numeric_limits<std::int64_t>::max(), 100);
        CHECK(all->size() == 6);
    }
}

TEST_CASE("an event of a newer schema or an unknown type is stored and marks its process",
          "[book]") {
    Desk desk;
    CHECK(desk.verdict(registration()) == v1::VERDICT_ACCEPTED);
    v1::Envelope newer = running().envelope();
    newer.set_schema(2);
    newer.set_event("whatever version 2 is");
    book::Arrived arrived = running().arrived();
    arrived.envelope = newer.SerializeAsString();
    CHECK(desk.book->settle(std::span(&arrived, 1))->front().verdict == v1::VERDICT_UNKNOWN_TYPE);
    CHECK(desk.process(kId).not_understood);
    CHECK(desk.status(kId)["not_understood"] == true);
    CHECK(desk.is_rebuild_equal(kId));
}

TEST_CASE("the first registration owns and says what the process is", "[book]") {
    Desk desk;
    CHECK(desk.verdict(registration().uid(1000)) == v1::VERDICT_ACCEPTED);
    CHECK(desk.process(kId).registrant == "uid:1000@node1.example.org");
    CHECK(desk.verdict(registration().uid(1000)) == v1::VERDICT_ACCEPTED);
    const auto stranger = desk.settle(registration().uid(1001));
    CHECK(stranger.verdict == v1::VERDICT_DENIED);
    CHECK(stranger.reason.find("1000") == std::string::npos);
    // The same number on another host is somebody else.
    CHECK(desk.verdict(registration().uid(1000).host("node2.example.org")) == v1::VERDICT_DENIED);
    const auto refused = desk.settle(registration().uid(1000).field("jobtype", "SIMPLE"));
    CHECK(refused.verdict == v1::VERDICT_DENIED);
    CHECK(refused.reason.find("registered as virtual_machine") != std::string::npos);
    CHECK(desk.is_rebuild_equal(kId));
}

TEST_CASE("whoever registered it is its owner under all his names", "[book]") {
    Desk desk;
    CHECK(desk.verdict(registration().uid(1000)) == v1::VERDICT_ACCEPTED);
    CHECK(desk.verdict(registration().at(-9).uid(2000)) == v1::VERDICT_DENIED);
    const std::string owner = desk.process(kId).registrant;
    std::string other = owner;
    other.replace(other.find("1000"), 4, "2000");
    desk.policy.one_person = {owner, other};
    CHECK(desk.verdict(registration().at(-8).uid(2000)) == v1::VERDICT_ACCEPTED);
    CHECK(desk.process(kId).registrant == owner);
}

TEST_CASE("a reason is no longer than what is kept of it", "[book]") {
    Desk desk;
    EventBuilder binding(E::kBind, Source::kUserInterface, kId);
    const book::Settled refused = desk.settle(binding.field("key", std::string(100'000, 'x')));
    CHECK(refused.verdict == v1::VERDICT_MALFORMED);
    CHECK(refused.reason.size() == store::kReasonBytesMax);
}

TEST_CASE("a process that cannot be rebuilt holds up no other", "[book]") {
    Desk desk;
    const std::string second = "libvirt-uuid:/6b1a2a9e-0000-4000-8000-000000000002";
    desk.settle(running());
    desk.settle(running(second));
    state::Registers newer;
    newer.rules_version = state::kRulesVersion + 1;
    store::Process row = desk.process(kUuidKey);
    row.registers = newer.encode();
    ++row.revision;
    auto writer = desk.database->open_writer(902);
    REQUIRE(writer.ok());
    REQUIRE((*writer)->begin().ok());
    REQUIRE((*writer)->save_processes(std::span(&row, 1)).ok());
    REQUIRE((*writer)->commit().ok());
    std::vector<book::RebuildOutcome> outcomes;
    const auto end = book::rebuild_all(*desk.database, {}, 0, [&](const auto& outcome) {
        outcomes.push_back(outcome);
        return true;
    });
    REQUIRE(end.ok());
    CHECK(*end == 0);
    REQUIRE(outcomes.size() == 2);
    CHECK(outcomes[0].process == kId);
    CHECK(outcomes[0].error.find("rules version") != std::string::npos);
    CHECK(outcomes[1].error.empty());
    CHECK(outcomes[1].events == 1);
}

TEST_CASE("an exclusive registration is the first one or none", "[book]") {
    constexpr std::uint32_t kExclusive = 64;
    Desk desk;
    const auto first = registration().priority(kExclusive).id("first").arrived();
    CHECK(desk.book->settle(std::span(&first, 1))->front().verdict == v1::VERDICT_ACCEPTED);
    // Delivered again it is the same one.
    CHECK(desk.book->settle(std::span(&first, 1))->front().verdict == v1::VERDICT_DUPLICATE);
    const auto refused = desk.settle(registration().priority(kExclusive));
    CHECK(refused.verdict == v1::VERDICT_DENIED);
    CHECK(refused.reason.find("must be the first") != std::string::npos);
    CHECK(desk.verdict(registration()) == v1::VERDICT_ACCEPTED);
    // Events that came before the registration are no registration.
    const std::string grey = "https://lb.example.org:9000/grey";
    CHECK(desk.verdict(running(grey)) == v1::VERDICT_UNREGISTERED);
    CHECK(desk.verdict(registration(grey).priority(kExclusive)) == v1::VERDICT_ACCEPTED);
}

TEST_CASE("a history longer than a page is folded from its start", "[book]") {
    Desk desk;
    constexpr int kEvents = 2500;
    std::vector<book::Arrived> batch;
    for (int i = 0; i < kEvents; ++i) {
        auto event = running(kId);
        batch.push_back(event.at(i + 1).id(std::to_string(i)).arrived());
    }
    auto stop = EventBuilder(E::kVMStop, Source::kVmManager, kId);
    batch.push_back(stop.at(kEvents + 1).arrived());
    REQUIRE(desk.book->settle(batch).ok());
    CHECK(desk.process(kId).waiting == kEvents + 1);
    CHECK(desk.verdict(registration()) == v1::VERDICT_ACCEPTED);
    CHECK(desk.process(kId).waiting == 0);
    CHECK(desk.status(kId).at("vm_state") == "stopped");
    CHECK(desk.is_rebuild_equal(kId));
    auto earlier = registration().at(-20);
    CHECK(desk.verdict(earlier) == v1::VERDICT_ACCEPTED);
    CHECK(desk.is_rebuild_equal(kId));
}

TEST_CASE("a process of another service is refused", "[book]") {
    Desk desk;
    const auto refused = desk.settle(running("https://other.example.org:9000/abc"));
    CHECK(refused.verdict == v1::VERDICT_DENIED);
    CHECK(refused.reason.find("other.example.org:9000") != std::string::npos);
}

TEST_CASE("what policy refuses becomes a dead letter that can be replayed", "[book]") {
    Desk desk;
    desk.policy.forbidden_source = Source::kVmManager;
    CHECK(desk.verdict(registration()) == v1::VERDICT_ACCEPTED);
    CHECK(desk.verdict(running()) == v1::VERDICT_DENIED);
    const auto reader = desk.database->open_reader();
    const auto letters = (*reader)->list_dead_letters(0, 10);
    REQUIRE(letters->size() == 1);
    CHECK((*letters)[0].reason == "forbidden by the test");
    CHECK(desk.book->replay_dead_letter((*letters)[0].number)->verdict == v1::VERDICT_DENIED);
    desk.policy.forbidden_source.reset();
    CHECK(desk.book->replay_dead_letter((*letters)[0].number)->verdict == v1::VERDICT_ACCEPTED);
    CHECK(desk.status(kId)["vm_state"] == "running");
    CHECK(desk.book->drop_dead_letter((*letters)[0].number).ok());
    CHECK(desk.book->replay_dead_letter((*letters)[0].number).error().code == ErrorCode::kNotFound);
}

TEST_CASE("heartbeats stand beside the events", "[book]") {
    Desk desk;
    CHECK(desk.verdict(registration()) == v1::VERDICT_ACCEPTED);
    const auto silent = desk.process(kId);
    CHECK_FALSE(silent.has_heartbeats);
    EventBuilder beat(E::kVMHeartbeat, Source::kVmSystem, kUuidKey);
    CHECK(desk.verdict(beat.at(30).field("uptime_s", "25")) == v1::VERDICT_ACCEPTED);
    EventBuilder late(E::kVMHeartbeat, Source::kVmSystem, kUuidKey);
    CHECK(desk.verdict(late.at(20).field("uptime_s", "15")) == v1::VERDICT_ACCEPTED);
    // The first one marks the process, and readers that know it learn of that; others write no row.
    CHECK(desk.process(kId).has_heartbeats);
    CHECK(desk.process(kId).revision == silent.revision + 1);
    const auto reader = desk.database->open_reader();
    const auto beats = (*reader)->heartbeats_of(desk.process(kId).number);
    REQUIRE(beats->size() == 1);
    CHECK((*beats)[0].time_us == kNoon + 30'000'000);
    CHECK((*beats)[0].uptime_s == 25);
    CHECK(desk.is_rebuild_equal(kId));
}

TEST_CASE("a clock of the future does not win for ever", "[book]") {
    Desk desk;
    CHECK(desk.verdict(registration()) == v1::VERDICT_ACCEPTED);
    // The host's own clock is a day ahead: acceptance and event agree with each other.
    book::Arrived ahead = running().at(86'400).arrived();
    ahead.arrived_us = kNoon + 5'000'000;
    CHECK(desk.book->settle(std::span(&ahead, 1))->front().verdict == v1::VERDICT_ACCEPTED);
    CHECK(desk.status(kId)["vm_state"] == "running");
    EventBuilder stop(E::kVMStop, Source::kVmManager, kUuidKey);
    stop.at(10).field("hostname", "node1.example.org").field("reason", "destroyed");
    CHECK(desk.verdict(stop) == v1::VERDICT_ACCEPTED);
    CHECK(desk.status(kId)["vm_state"] == "stopped");
    CHECK(desk.is_rebuild_equal(kId));
}
