// Promises 2 and 3 at the store: a life that arrives in any order, in any batches, twice, over two
// servers at once and over restarts leaves the same bytes and the same timeline, and a rebuild
// finds the same.
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "common/event/codec.h"
#include "common/event/event_id.h"
#include "common/event/process_id.h"
#include "tests/property/state_lives.h"
#include "tests/property/told.h"
#include "tests/property/two_servers.h"

using namespace lb;
using namespace lb::test;

namespace {

constexpr std::int64_t kDayUs = 86'400'000'000;
constexpr unsigned kLives = 10;

// The machine of one life: events name its id, its own key or a key that its owner bound.
struct Machine {
    unsigned seed;
    const char* jobtype;
    std::string own_key;
    std::string bound_key;
    std::string id = event::ProcessId::of_key(kService, *event::Key::parse(own_key))->to_string();
};

Machine virtual_machine(unsigned life) {
    char uuid[37];
    std::snprintf(uuid, sizeof uuid, "6b1a2a9e-0000-4000-8000-%012u", life);
    return {life, "VIRTUAL_MACHINE", "libvirt-uuid:/" + std::string(uuid),
            "one-vmid:cloud1/" + std::to_string(life)};
}

Machine physical_machine(unsigned life) {
    const std::string name = "host:/metal" + std::to_string(life);
    return {kLives + life, "PHYSICAL_MACHINE", name + ".example.org", name + ".example.net"};
}

std::vector<book::Arrived> arrivals_of(const Machine& machine) {
    std::mt19937 random(machine.seed);
    std::vector<book::Arrived> arrivals;
    auto life = random_life(machine.seed, {.jobtype = machine.jobtype});
    LifeEvent bind = life.back();
    bind.event = {};
    bind.event.type = static_cast<std::uint16_t>(event::EventType::kBind);
    bind.event.time_us = life.back().event.time_us + 1;
    bind.event.source = event::Source::kUserInterface;
    bind.event.set_text("key", machine.bound_key);
    bind.event_id = event::event_id_of_text("bind" + machine.id);
    life.push_back(bind);
    for (LifeEvent& one : life) {
        // One owner: of several who register a process, whoever comes first has it.
        one.event.user.clear();
        const bool is_owners =
            one.event.type == bind.event.type ||
            one.event.type == static_cast<std::uint16_t>(event::EventType::kRegJob);
        const std::string* names[] = {&machine.id, &machine.own_key, &machine.bound_key};
        v1::Envelope envelope;
        envelope.set_schema(1);
        envelope.set_event_id(one.event_id);
        envelope.set_subject(is_owners ? machine.id : *names[random() % 3]);
        v1::Acceptance& acceptance = *envelope.mutable_acceptance();
        acceptance.set_origin(one.origin);
        acceptance.set_counter(one.counter);
        acceptance.mutable_identity()->set_kind(v1::IDENTITY_KIND_UID);
        acceptance.mutable_identity()->set_name("0");
        acceptance.set_host("node1.example.org");
        acceptance.set_accepted_at_us(one.accepted_at_us);
        envelope.set_event(event::encode(one.event));
        book::Arrived arrived;
        arrived.envelope = envelope.SerializeAsString();
        arrived.forwarder.set_kind(v1::IDENTITY_KIND_CERTIFICATE);
        arrived.forwarder.set_name("/DC=org/CN=host/node1.example.org");
        arrived.arrived_us = one.accepted_at_us + kDayUs;
        arrivals.push_back(std::move(arrived));
    }
    return arrivals;
}

// Of each process: a change begins where the one before it ended. So none is missing, and none
// comes twice.
void check_changes(const Desk& desk) {
    constexpr std::uint32_t kChangesMax = 100'000;
    const auto reader = desk.database->open_reader();
    REQUIRE(reader.ok());
    const auto changes = (*reader)->changes_after({}, kChangesMax);
    REQUIRE(changes.ok());
    std::map<store::ProcessNumber, std::map<std::uint32_t, store::Change>> by_revision;
    for (const store::Change& change : *changes)
        CHECK(by_revision[change.process].emplace(change.revision, change).second);
    for (const auto& [process, its_changes] : by_revision) {
        store::Change before;
        for (const auto& [revision, change] : its_changes) {
            CHECK(change.old_state == before.new_state);
            CHECK(change.old_vm_state == before.new_vm_state);
            before = change;
        }
    }
}

void check_nothing_is_refused(const Desk& desk) {
    const auto reader = desk.database->open_reader();
    REQUIRE(reader.ok());
    const auto letters = (*reader)->list_dead_letters(0, 1);
    REQUIRE(letters.ok());
    CHECK(letters->empty());
}

}  // namespace

TEST_CASE("order, batches, repeats, servers and restarts leave the same bytes and timelines",
          "[book][property]") {
    std::map<std::string, Told> expected;  // what is told when they come in order
    for (const Way& way : kWays) {
        INFO(way.name);
        TwoServers servers(way);
        for (unsigned life = 1; life <= kLives; ++life) {
            for (const Machine& machine : {virtual_machine(life), physical_machine(life)}) {
                INFO(machine.jobtype << ", life " << life);
                servers.deliver(arrivals_of(machine), machine.seed);
                CHECK(servers.desk.is_rebuild_equal(machine.id));
                const Told told = told_of(servers.desk, machine.id);
                check_alike(told, expected.emplace(machine.id, told).first->second);
            }
        }
        check_changes(servers.desk);
        check_nothing_is_refused(servers.desk);
    }
}
