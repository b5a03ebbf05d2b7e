// A history read page by page is the history read at once, to the byte, whatever the pages are and
// whatever comes meanwhile; and what nothing comes to is folded once.
#include <catch2/catch.hpp>
#include <random>

#include "bkserver/query/timeline.h"
#include "common/event/process_id.h"
#include "common/metrics/metrics.h"
#include "tests/unit/bkserver_book/desk.h"

using namespace lb;
using namespace lb::test;
using query::Timelines;

namespace {

constexpr int kEvents = 40;
constexpr int kLives = 5;

std::string id_of(const std::string& name) {
    return "https://" + std::string(kService) + "/" + name;
}

// Processes that hear of themselves in no order: of a life of some seconds, under two names,
// planned by a parent before or after they were heard of.
class Lives {
  public:
    explicit Lives(unsigned seed) : random_(seed) {}

    // Something of the machine, at any time of its life.
    void log_of_machine(event::Source source) {
        using E = event::EventType;
        constexpr E kTypes[] = {E::kVMRunning, E::kVMStop, E::kVMResume,
                                E::kVMHost,    E::kVMDone, E::kVMShutdown};
        if (chance(20) == 0) return register_machine();
        EventBuilder built(kTypes[chance(6)], source, chance(3) == 0 ? kUuidKey : machine());
        log(built.field("hostname", "n" + std::to_string(chance(3)) + ".example.org"));
    }
    void register_machine() {
        EventBuilder built(event::EventType::kRegJob, event::Source::kUserInterface, machine());
        if (chance(3) != 0) built.field("jobtype", std::string("VIRTUAL_MACHINE"));
        log(built.field("jdl", std::string("j")));
    }
    void log_of_child(event::EventType type) {
        EventBuilder built(type, event::Source::kWorkloadManager, child());
        log(built.field("reason", std::to_string(chance(9))));
    }
    void plan_children() {
        EventBuilder built(event::EventType::kRegJob, event::Source::kUserInterface,
                           id_of("collection"));
        built.field("jobtype", std::string("COLLECTION")).field("jdl", std::string("j"));
        log(built.field("nsubjobs", std::string("3")).field("seed", std::string("s")));
    }
    [[nodiscard]] std::string machine() const {
        return event::ProcessId::of_key(kService, event::Key::parse(kUuidKey).value())
            .value()
            .to_string();
    }
    [[nodiscard]] static std::string child() {
        return event::ProcessId::parse(id_of("collection"))->child("s", 1).to_string();
    }
    unsigned chance(unsigned count) { return static_cast<unsigned>(random_() % count); }

    const Desk desk;

  private:
    void log(EventBuilder& built) {
        ++counter_;
        built.at(chance(50)).counter(counter_).id("h" + std::to_string(counter_)).uid(1000);
        desk.verdict(built);
    }

    std::mt19937 random_;
    std::uint64_t counter_ = 0;
};

struct Page {
    std::vector<std::string> lines;
    std::string cursor;
    bool operator==(const Page&) const = default;
};

Page read(Timelines& timelines, const Lives& lives, const std::string& process,
          const query::TimelinePage& ask) {
    const auto reader = lives.desk.database->open_reader();
    REQUIRE(reader.ok());
    Page page;
    auto cursor = timelines.write(**reader, lives.desk.process(process), ask,
                                  [&](const query::Row& row) { page.lines.push_back(row.dump()); });
    INFO((cursor.ok() ? "" : cursor.error().text));
    REQUIRE(cursor.ok());
    page.cursor = std::move(*cursor);
    return page;
}

// Each page as one that remembers nothing folds it.
void compare_pages(Lives& lives, const std::string& process,
                   const std::function<void()>& between_pages) {
    Timelines timelines;
    query::TimelinePage ask;
    do {
        ask.limit = 1 + lives.chance(9);
        Timelines fresh;
        const Page page = read(timelines, lives, process, ask);
        REQUIRE(page == read(fresh, lives, process, ask));
        ask.cursor = page.cursor;
        between_pages();
    } while (!ask.cursor.empty());
}

}  // namespace

TEST_CASE("pages of a history are what one that remembers nothing folds, whatever comes meanwhile",
          "[history][property]") {
    for (unsigned seed = 0; seed < kLives; ++seed) {
        CAPTURE(seed);
        Lives lives(seed);
        lives.register_machine();
        for (int i = 0; i < kEvents; ++i) lives.log_of_machine(event::Source::kCloudManager);
        compare_pages(lives, lives.machine(), [&] {
            // The word of the host counts more than later ones of the cloud.
            if (lives.chance(2) == 0) lives.log_of_machine(event::Source::kVmManager);
        });
        if (lives.chance(2) == 0) lives.plan_children();
        EventBuilder own(event::EventType::kRegJob, event::Source::kUserInterface, Lives::child());
        REQUIRE(lives.desk.verdict(own.field("jobtype", std::string("SIMPLE")).uid(1000)) ==
                lb::v1::VERDICT_ACCEPTED);
        for (int i = 0; i < kEvents; ++i)
            lives.log_of_child(i % 2 == 0 ? event::EventType::kPending : event::EventType::kDone);
        compare_pages(lives, Lives::child(), [&] {
            if (lives.chance(9) == 0) lives.plan_children();
            // What came later does not undo this.
            if (lives.chance(3) == 0) lives.log_of_child(event::EventType::kAbort);
        });
    }
}

TEST_CASE("what nothing comes to is folded once, whatever its pages are", "[history][property]") {
    Lives lives(1);
    for (int i = 0; i < kEvents; ++i) lives.log_of_machine(event::Source::kCloudManager);
    const auto replayed = [] {
        return metrics::Registry::global()
            .counter("lb_query_history_replayed_events_total", "")
            .value();
    };
    const auto all_pages = [&](Timelines& timelines) {
        query::TimelinePage ask{.cursor = {}, .limit = 7};
        std::vector<std::string> lines;
        do {
            const Page page = read(timelines, lives, lives.machine(), ask);
            lines.insert(lines.end(), page.lines.begin(), page.lines.end());
            ask.cursor = page.cursor;
        } while (!ask.cursor.empty());
        return lines;
    };
    Timelines timelines;
    Timelines forgetful(0);
    const Page whole = read(timelines, lives, lives.machine(), {.cursor = {}, .limit = 1000});
    CHECK(whole.lines.size() > kEvents / 2);
    const auto before = replayed();
    CHECK(all_pages(timelines) == whole.lines);
    CHECK(replayed() == before);
    CHECK(all_pages(forgetful) == whole.lines);
    CHECK(replayed() > before);
}
