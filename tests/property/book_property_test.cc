// Promises 2 and 3 at the store: a life that arrives in any order, in any batches, twice and over
// two servers at once leaves the same bytes, and a rebuild finds the same.
#include <catch2/catch.hpp>
#include <random>

#include "common/event/codec.h"
#include "common/event/event_id.h"
#include "common/event/process_id.h"
#include "tests/property/state_lives.h"
#include "tests/property/two_servers.h"

using namespace lb;
using namespace lb::test;

namespace {

constexpr std::int64_t kDayUs = 86'400'000'000;

// The machine of one life: events name its id, its libvirt UUID or a key that its owner bound.
std::vector<book::Arrived> arrivals_of(unsigned seed, const std::string& id,
                                       const std::string& uuid_key, const std::string& one_key) {
    std::mt19937 random(seed);
    std::vector<book::Arrived> arrivals;
    auto life = random_life(seed, {});
    LifeEvent bind = life.back();
    bind.event = {};
    bind.event.type = static_cast<std::uint16_t>(event::EventType::kBind);
    bind.event.time_us = life.back().event.time_us + 1;
    bind.event.source = event::Source::kUserInterface;
    bind.event.set_text("key", one_key);
    bind.event_id = event::event_id_of_text("bind" + id);
    life.push_back(bind);
    for (LifeEvent& one : life) {
        // One owner: of several who register a process, whoever comes first has it.
        one.event.user.clear();
        const bool is_owners =
            one.event.type == bind.event.type ||
            one.event.type == static_cast<std::uint16_t>(event::EventType::kRegJob);
        const std::string* names[] = {&id, &uuid_key, &one_key};
        v1::Envelope envelope;
        envelope.set_schema(1);
        envelope.set_event_id(one.event_id);
        envelope.set_subject(is_owners ? id : *names[random() % 3]);
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

}  // namespace

TEST_CASE("order, batches, repeats and servers leave the same bytes", "[book][property]") {
    TwoServers servers;
    const Desk& desk = servers.desk;
    for (unsigned seed = 1; seed <= 25; ++seed) {
        INFO("seed " << seed);
        std::string expected;
        for (unsigned round = 0; round < 4; ++round) {
            // The same life under another name each round: compared without the name.
            char uuid[37];
            std::snprintf(uuid, sizeof uuid, "6b1a2a9e-0000-4000-8000-%06u%06u", seed, round);
            const std::string id = event::ProcessId::of_libvirt_uuid(kService, uuid)->to_string();
            const std::string one_key =
                "one-vmid:cloud" + std::to_string(round) + "/" + std::to_string(seed);
            auto arrivals = arrivals_of(seed, id, "libvirt-uuid:/" + std::string(uuid), one_key);
            // Ids are the life's: each round needs its own in one database.
            for (book::Arrived& arrived : arrivals) {
                v1::Envelope envelope;
                REQUIRE(envelope.ParseFromString(arrived.envelope));
                std::string event_id = envelope.event_id();
                event_id[0] = static_cast<char>(round);
                event_id[1] = static_cast<char>(seed);
                envelope.set_event_id(event_id);
                arrived.envelope = envelope.SerializeAsString();
            }
            servers.deliver(arrivals, seed, round);
            CHECK(desk.is_rebuild_equal(id));
            auto status = desk.status(id);
            status.erase("jobId");
            std::string text = status.dump();
            for (const std::string& name : {id, std::string(uuid), one_key})
                for (std::size_t at; (at = text.find(name)) != std::string::npos;)
                    text.replace(at, name.size(), "ITS-NAME");
            if (round == 0) expected = text;
            CHECK(text == expected);
        }
    }
}
