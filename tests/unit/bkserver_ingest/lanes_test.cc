// How processes are spread over the lanes.
#include "bkserver/ingest/lanes.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "bkserver/store/mariadb/database.h"
#include "common/event/process_id.h"
#include "tests/support/event_builder.h"
#include "tests/support/private_mariadb.h"

using namespace lb;
using lb::test::EventBuilder;

namespace {

constexpr char kService[] = "lb.example.org:9000";

class OpenToAll : public book::Policy {
  public:
    book::Decision may_log(const book::PolicyQuestion&) const override { return {true, {}}; }
    book::Decision may_adopt(const book::PolicyQuestion&) const override { return {true, {}}; }
};

class Deaf : public ingest::Receiver {
  public:
    void on_settled(std::span<const ingest::Outcome>) override {}
};

struct Site {
    explicit Site(std::uint32_t lane_count) {
        auto opened = store::mariadb::MariadbDatabase::open(
            {test::PrivateMariadb::shared().fresh_dsn(), "first", kService});
        REQUIRE(opened.ok());
        database = std::move(*opened);
        ingest::LaneOptions options;
        options.lanes = lane_count;
        options.book.service = kService;
        auto started = ingest::Lanes::start(*database, policy, options, registry);
        REQUIRE(started.ok());
        lanes = std::move(*started);
    }
    void settle(std::span<const EventBuilder> events) {
        const std::size_t all = lanes->room().events;
        for (const EventBuilder& event : events)
            REQUIRE(lanes->submit(event.arrived(), std::make_shared<Deaf>(), 1));
        for (int i = 0; i < 3000 && lanes->room().events < all; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        REQUIRE(lanes->room().events == all);
    }
    std::uint64_t settled_by(std::uint32_t lane) {
        return registry
            .counter("lb_bkserver_lane_events_total", "", {{"lane", std::to_string(lane)}})
            .value();
    }

    OpenToAll policy;
    std::unique_ptr<store::Database> database;
    metrics::Registry registry;
    std::unique_ptr<ingest::Lanes> lanes;
};

std::string key_of(int machine) {
    return "libvirt-uuid:/6b1a2a9e-0000-4000-8000-" + std::to_string(100'000'000'000 + machine);
}

std::vector<EventBuilder> round_of(int machines, int round) {
    std::vector<EventBuilder> events;
    for (int machine = 0; machine < machines; ++machine)
        events.push_back(
            EventBuilder(event::EventType::kVMRunning, event::Source::kVmManager, key_of(machine))
                .at(round)
                .counter(static_cast<std::uint64_t>(round * machines + machine) + 1));
    return events;
}

}  // namespace

TEST_CASE("machines that are adopted, whose numbers are all odd, use every lane") {
    constexpr int kMachines = 200;
    constexpr int kRounds = 4;
    Site site(2);
    for (int round = 0; round < kRounds; ++round) site.settle(round_of(kMachines, round));
    for (const std::uint32_t lane : {0U, 1U}) {
        CAPTURE(lane);
        CHECK(site.settled_by(lane) > kMachines * kRounds / 4);
    }
    CHECK(site.settled_by(0) + site.settled_by(1) == kMachines * kRounds);
}

TEST_CASE("all names of a process share the lane that saw it first") {
    constexpr int kMachines = 8;
    constexpr std::uint32_t kLanes = 4;
    Site site(kLanes);
    const auto by_id = [](int machine, std::uint64_t counter) {
        const auto id =
            event::ProcessId::of_key(kService, event::Key::parse(key_of(machine)).value());
        return EventBuilder(event::EventType::kVMStop, event::Source::kVmManager,
                            id.value().to_string())
            .counter(counter);
    };
    site.settle(round_of(kMachines, 0));
    for (int machine = 0; machine < kMachines; ++machine) {
        const auto first = static_cast<std::uint64_t>(1000 * (machine + 1));
        // Where the id was not heard of before, it may go anywhere once.
        site.settle(std::vector{by_id(machine, first)});
        std::vector<std::uint64_t> before;
        for (std::uint32_t lane = 0; lane < kLanes; ++lane) before.push_back(site.settled_by(lane));
        std::vector<EventBuilder> both = {by_id(machine, first + 1)};
        both.push_back(round_of(kMachines, 1).at(static_cast<std::size_t>(machine)));
        site.settle(both);
        int lanes_used = 0;
        for (std::uint32_t lane = 0; lane < kLanes; ++lane)
            lanes_used += site.settled_by(lane) > before[lane] ? 1 : 0;
        CAPTURE(machine);
        CHECK(lanes_used == 1);
    }
}

TEST_CASE("events are counted by the words that answers use for verdicts") {
    Site site(1);
    site.settle(round_of(3, 0));
    const std::string text = site.registry.exposition();
    CHECK(text.find("lb_bkserver_events_total{verdict=\"accepted\"} 3") != std::string::npos);
    CHECK(text.find("lb_bkserver_events_total{verdict=\"unknown\"} 0") != std::string::npos);
}
