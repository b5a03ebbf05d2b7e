// Promises 2 and 3 for parents: a collection and a cluster whose events arrive in any order, in any
// batches, twice, over two servers at once and over restarts, while settlers count, leave the same
// bytes and timelines. And their past is told as it was told when it was the present.
#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <thread>

#include "bkserver/query/past.h"
#include "common/event/event_id.h"
#include "common/event/process_id.h"
#include "tests/property/told.h"
#include "tests/property/two_servers.h"

using namespace lb;
using namespace lb::test;
using E = event::EventType;
using event::Source;

namespace {

constexpr int kChildren = 6;
constexpr int kMembers = 4;
constexpr unsigned kStories = 6;

// Everything that happens to one collection with its children and one cluster with its members.
class Story {
  public:
    // `name`: sets it apart from others of the same seed.
    explicit Story(unsigned seed, const std::string& name = "")
        : random_(seed),
          prefix_("https://" + std::string(kService) + "/s" + std::to_string(seed) + name + "-") {
        tell_collection();
        tell_cluster();
    }

    [[nodiscard]] std::vector<std::string> parents() const { return {parent(), cluster(), top()}; }
    [[nodiscard]] std::vector<std::string> processes() const {
        std::vector<std::string> all = parents();
        for (std::uint32_t i = 0; i < kChildren; ++i) all.push_back(child(i));
        for (int i = 0; i < kMembers; ++i) all.push_back(member(i));
        return all;
    }
    std::vector<book::Arrived> events;

  private:
    [[nodiscard]] std::string parent() const { return prefix_ + "collection"; }
    [[nodiscard]] std::string cluster() const { return prefix_ + "cluster"; }
    [[nodiscard]] std::string top() const { return prefix_ + "top"; }
    [[nodiscard]] std::string member(int index) const {
        return prefix_ + "vm" + std::to_string(index);
    }
    [[nodiscard]] std::string child(std::uint32_t index) const {
        return event::ProcessId::parse(parent())->child("s", index).to_string();
    }
    EventBuilder event(E type, Source source, const std::string& subject) {
        EventBuilder built(type, source, subject);
        built.at(time_ += 1).id(prefix_ + std::to_string(events.size()));
        built.counter(events.size() + 1);
        return built;
    }
    void add(const EventBuilder& built) { events.push_back(built.arrived()); }
    void reg(const std::string& subject, const char* type, int children = 0) {
        EventBuilder built = event(E::kRegJob, Source::kUserInterface, subject);
        built.field("jobtype", type).field("ns", "-");
        if (children > 0) built.field("nsubjobs", std::to_string(children)).field("seed", "s");
        add(built);
    }
    void tell_collection() {
        reg(parent(), "COLLECTION", kChildren);
        if (random_() % 2 == 0)
            reg(parent(), "COLLECTION", kChildren - static_cast<int>(random_() % 3));
        reg(child(0), random_() % 2 == 0 ? "DAG" : "SIMPLE");
        for (int step = 0; step < 3 * kChildren; ++step) {
            const std::string which = child(static_cast<std::uint32_t>(random_() % kChildren));
            switch (random_() % 4) {
                case 0:
                    add(event(E::kRunning, Source::kLogMonitor, which).field("node", "n"));
                    break;
                case 1:
                    add(event(E::kDone, Source::kLogMonitor, which)
                            .field("status_code", random_() % 3 == 0 ? "FAILED" : "OK")
                            .field("exit_code", "0"));
                    break;
                case 2:
                    add(event(E::kAbort, Source::kWorkloadManager, which).field("reason", "r"));
                    break;
                default:
                    add(event(E::kClear, Source::kUserInterface, which).field("reason", "USER"));
            }
        }
    }
    void tell_cluster() {
        reg(cluster(), "VM_CLUSTER");
        reg(top(), "VM_CLUSTER");
        add(event(E::kClusterJoin, Source::kUserInterface, cluster()).field("cluster", top()));
        add(event(E::kClusterGoal, Source::kUserInterface, cluster())
                .field("quorum", std::to_string(random_() % 4)));
        for (int i = 0; i < kMembers; ++i) reg(member(i), "VIRTUAL_MACHINE");
        constexpr E kEvents[] = {E::kVMBoot, E::kVMRunning, E::kVMRunning, E::kVMStop, E::kVMFail};
        for (int step = 0; step < 5 * kMembers; ++step) {
            const std::string which = member(static_cast<int>(random_() % kMembers));
            const auto what = static_cast<unsigned>(random_() % 9);
            if (what < 5)
                add(event(kEvents[what], Source::kCloudManager, which));
            else if (what < 8)
                add(event(what < 7 ? E::kClusterJoin : E::kClusterLeave, Source::kUserInterface,
                          which)
                        .field("cluster", cluster()));
            else
                add(event(E::kVMDone, Source::kCloudManager, which).field("status_code", "OK"));
        }
    }

    std::mt19937 random_;
    const std::string prefix_;
    double time_ = 0;
};

// As it is; empty as long as nobody registered it.
std::string present(const Desk& desk, const std::string& process) {
    const auto reader = desk.database->open_reader();
    REQUIRE(reader.ok());
    const auto row = (*reader)->find_process(process);
    REQUIRE(row.ok());
    return *row && (*row)->type != 0 ? desk.status(process).dump() : std::string();
}

std::string past(store::Reader& reader, const store::Process& process, const query::AsOf& as_of) {
    const auto then = query::Past(reader, as_of).status_of(process);
    if (!then.ok()) REQUIRE(then.error().code == ErrorCode::kNotFound);
    return then.ok() ? then->status.attributes.dump() : std::string();
}

// What a parent was counted to be, as its children went on.
std::vector<std::string> course_of(const Desk& desk, const Story& story,
                                   const std::string& parent) {
    constexpr std::size_t kEventsPerMoment = 7;
    const auto reader = desk.database->open_reader();
    REQUIRE(reader.ok());
    const store::Process row = desk.process(parent);
    std::vector<std::string> course;
    for (std::size_t i = 0; i < story.events.size(); i += kEventsPerMoment)
        course.push_back(
            past(**reader, row, {.at_us = kNoon + static_cast<std::int64_t>(i) * 1'000'000}));
    return course;
}

// Events come while a settler counts.
void deliver_while_settling(TwoServers& servers, const Story& story, unsigned seed) {
    auto settler = book::Settler::open(*servers.desk.database, 903);
    REQUIRE(settler.ok());
    std::atomic<bool> is_done = false;
    std::thread settling([&] {
        while (!is_done) (void)(*settler)->settle_once(kNoon);
    });
    servers.deliver(story.events, seed);
    is_done = true;
    settling.join();
    servers.desk.settle_parents();
}

// The first `count` events come, then the others; what was told between is told of the past.
void check_past(const Desk& desk, const Story& story, std::size_t count, const query::AsOf& as_of) {
    const std::span<const book::Arrived> all = story.events;
    std::map<std::string, std::string> told;
    REQUIRE(desk.book->settle(all.first(count)).ok());
    for (const std::string& process : story.processes()) told[process] = present(desk, process);
    REQUIRE(desk.book->settle(all.subspan(count)).ok());
    const auto reader = desk.database->open_reader();
    REQUIRE(reader.ok());
    for (const auto& [process, text] : told) {
        INFO(process);
        CHECK(past(**reader, desk.process(process), as_of) == text);
    }
}

}  // namespace

TEST_CASE("the past of parents is what was told of them then", "[book][property]") {
    const Desk desk;
    constexpr std::int64_t kHour = 3'600'000'000;
    for (unsigned seed = 1; seed <= 20; ++seed) {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        Story known(seed, "known");
        std::shuffle(known.events.begin(), known.events.end(), random);
        const std::size_t count = random() % known.events.size();
        for (std::size_t i = 0; i < known.events.size(); ++i)
            known.events[i].arrived_us = i < count ? kNoon : kNoon + kHour;
        check_past(desk, known, count, {.known_at_us = kNoon});
        // They are told in the order of their times, a second each.
        const Story happened(seed, "happened");
        check_past(desk, happened, count,
                   {.at_us = kNoon + static_cast<std::int64_t>(count) * 1'000'000});
    }
}

TEST_CASE("parents come out the same, whatever the order, batches, repeats, servers and restarts",
          "[book][property]") {
    std::map<std::string, Told> expected;  // what is told when they come in order
    std::map<std::string, std::vector<std::string>> expected_courses;
    for (const Way& way : kWays) {
        INFO(way.name);
        TwoServers servers(way);
        const Desk& desk = servers.desk;
        for (unsigned seed = 1; seed <= kStories; ++seed) {
            const Story story(seed);
            deliver_while_settling(servers, story, seed);
            for (const std::string& process : story.processes()) {
                INFO(process);
                CHECK(desk.is_rebuild_equal(process));
                const Told told = told_of(desk, process);
                check_alike(told, expected.emplace(process, told).first->second);
            }
            for (const std::string& parent : story.parents()) {
                INFO(parent);
                const auto course = course_of(desk, story, parent);
                CHECK(course == expected_courses.emplace(parent, course).first->second);
            }
        }
    }
}
