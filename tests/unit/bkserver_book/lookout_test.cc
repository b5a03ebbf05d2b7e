// What timers find: disagreements past their grace time, guests and hosts that fell silent; once,
// however many servers look, and beside the state.
#include "bkserver/book/lookout.h"

#include <barrier>
#include <catch2/catch.hpp>
#include <thread>

#include "tests/unit/bkserver_book/desk.h"

using namespace lb;
using namespace lb::test;
using E = event::EventType;
using event::Source;

namespace {

constexpr std::int64_t kSecond = 1'000'000;

std::string vm(int index) {
    return "https://" + std::string(kService) + "/vm" + std::to_string(index);
}

EventBuilder told(E type, Source source, int index, double at) {
    EventBuilder built(type, source, vm(index));
    built.at(at);
    if (source == Source::kCloudManager) built.host("one.example.org");
    if (source == Source::kVmManager) built.field("hostname", "node1.example.org");
    return built;
}

class Watched {
  public:
    Watched() : lookout_(open(*desk.database)) {}

    static std::unique_ptr<book::Lookout> open(store::Database& database,
                                               std::uint32_t lane = 901) {
        auto opened = book::Lookout::open(database, lane);
        REQUIRE(opened.ok());
        return std::move(*opened);
    }
    // At so many seconds after noon.
    std::size_t look(double at, bool knows_loggers = true) const {
        const auto looked = lookout_->look_once(at_us(at), knows_loggers);
        REQUIRE(looked.ok());
        return *looked;
    }
    // "lost>" appeared, ">lost" the other way round; since the last call.
    std::vector<std::string> changes() {
        auto reader = desk.database->open_reader();
        REQUIRE(reader.ok());
        const auto found = (*reader)->changes_after(cursor_, 10'000);
        REQUIRE(found.ok());
        std::vector<std::string> texts;
        for (const store::Change& change : *found) {
            cursor_[change.stream] = std::max(cursor_[change.stream], change.number);
            if (change.old_concerns == change.new_concerns) continue;
            CHECK(change.old_state == change.new_state);
            CHECK(change.old_vm_state == change.new_vm_state);
            texts.push_back(change.old_concerns + ">" + change.new_concerns);
        }
        return texts;
    }
    void run(int index) const {
        EventBuilder registration(E::kRegJob, Source::kUserInterface, vm(index));
        registration.at(-10).field("jobtype", "VIRTUAL_MACHINE").field("ns", "-");
        desk.settle(registration);
        desk.settle(told(E::kVMRunning, Source::kCloudManager, index, 0)
                        .field("hostname", "node1.example.org"));
        desk.settle(told(E::kVMRunning, Source::kVmManager, index, 1));
    }
    void hear(const std::string& host, double at) const {
        auto writer = desk.database->open_writer(902);
        REQUIRE(writer.ok());
        REQUIRE((*writer)->begin().ok());
        const store::Logger logger = {.host = host, .seen_us = at_us(at)};
        REQUIRE((*writer)->put_loggers(std::span(&logger, 1)).ok());
        REQUIRE((*writer)->commit().ok());
    }
    static std::int64_t at_us(double at) {
        return kNoon + static_cast<std::int64_t>(at * static_cast<double>(kSecond));
    }

    Desk desk;

  private:
    std::unique_ptr<book::Lookout> lookout_;
    store::ChangeCursor cursor_;
};

// Of two servers on the store of a desk.
class TwoLookouts {
  public:
    explicit TwoLookouts(const Desk& desk)
        : database_(desk.open_database("second")),
          one_(Watched::open(*desk.database, 903)),
          other_(Watched::open(*database_)) {}

    // From so many seconds after noon on. A look that another one hindered finds less: the next
    // finds the rest.
    void look_at_once(double at) const {
        std::barrier start(2);
        const auto look = [&](book::Lookout& lookout) {
            start.arrive_and_wait();
            for (int round = 0; round < kRounds; ++round)
                (void)lookout.look_once(Watched::at_us(at + round), true);
        };
        std::thread first([&] { look(*one_); });
        look(*other_);
        first.join();
    }
    // Loggers that fell silent or were heard again, as both have counted.
    [[nodiscard]] std::uint64_t turned() const {
        return one_->counters().turned + other_->counters().turned;
    }

  private:
    static constexpr int kRounds = 20;

    std::unique_ptr<store::Database> database_;
    std::unique_ptr<book::Lookout> one_;
    std::unique_ptr<book::Lookout> other_;
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a machine that all agree on is never looked at") {
    Watched watched;
    watched.run(1);
    CHECK(watched.look(10'000) == 0);
    CHECK(watched.changes().empty());
}

TEST_CASE("a disagreement appears after its grace time and disappears with what ends it") {
    Watched watched;
    watched.run(1);
    watched.desk.settle(told(E::kVMStop, Source::kVmManager, 1, 100).field("reason", "destroyed"));
    CHECK(watched.look(150) == 0);
    CHECK(watched.look(219) == 0);
    CHECK(watched.look(221) == 1);
    CHECK(watched.changes() == Texts{">lost"});
    CHECK(watched.look(500) == 0);  // it waits for a change
    CHECK(watched.desk.is_rebuild_equal(vm(1)));

    watched.desk.settle(told(E::kVMRunning, Source::kVmManager, 1, 600));
    CHECK(watched.look(1e9) == 1);
    CHECK(watched.changes() == Texts{"lost>"});
    CHECK(watched.look(2e9) == 0);
    CHECK(watched.desk.is_rebuild_equal(vm(1)));
}

TEST_CASE("a host that falls silent makes its machines stale, and none when it is heard again") {
    Watched watched;
    watched.run(1);
    watched.run(2);
    watched.hear("node1.example.org", 0);
    CHECK(watched.look(80) == 0);
    CHECK(watched.look(91, false) == 0);  // this server has not listened for long enough
    CHECK(watched.look(91) == 2);
    CHECK(watched.changes() == Texts{">stale", ">stale"});
    CHECK(watched.look(92) == 0);
    watched.hear("node1.example.org", 200);
    CHECK(watched.look(201) == 2);
    CHECK(watched.changes() == Texts{"stale>", "stale>"});
    CHECK(watched.look(202) == 0);
}

TEST_CASE(
    "a machine of a front end that fell silent is stale when it is looked at, until it is heard") {
    Watched watched;
    watched.run(1);
    watched.run(2);
    watched.hear("one.example.org", 0);
    watched.hear("node1.example.org", 100);
    CHECK(watched.look(91) == 0);  // nobody looks for the machines of a front end
    watched.desk.settle(told(E::kVMStop, Source::kVmManager, 1, 92).field("reason", "destroyed"));
    watched.hear("node1.example.org", 210);
    CHECK(watched.look(213) == 1);
    CHECK(watched.changes() == Texts{">lost stale"});
    CHECK(watched.look(214) == 0);
    watched.hear("one.example.org", 250);
    watched.hear("node1.example.org", 290);
    CHECK(watched.look(304) == 1);
    CHECK(watched.changes() == Texts{"lost stale>lost"});
    watched.hear("one.example.org", 400);
    watched.hear("node1.example.org", 400);
    CHECK(watched.look(401) == 0);  // as before, it waits for a change
    CHECK(watched.desk.is_rebuild_equal(vm(1)));
}

TEST_CASE("a machine that is done misses no front end") {
    Watched watched;
    watched.run(1);
    watched.hear("one.example.org", 0);
    watched.desk.settle(told(E::kVMHeartbeat, Source::kVmSystem, 1, 10));
    watched.desk.settle(told(E::kVMDone, Source::kCloudManager, 1, 20).field("status_code", "OK"));
    watched.desk.settle(told(E::kVMStop, Source::kVmManager, 1, 20).field("reason", "destroyed"));
    CHECK(watched.look(131) == 1);
    CHECK(watched.changes().empty());
    CHECK(watched.look(1000) == 0);
}

TEST_CASE("a guest that used to speak is missed, and welcome again") {
    Watched watched;
    watched.run(1);
    watched.desk.settle(told(E::kVMHeartbeat, Source::kVmSystem, 1, 10));
    CHECK(watched.look(131) == 1);  // not yet silent
    CHECK(watched.changes().empty());
    CHECK(watched.look(189) == 0);
    CHECK(watched.look(191) == 1);
    CHECK(watched.changes() == Texts{">silent"});
    watched.desk.settle(told(E::kVMHeartbeat, Source::kVmSystem, 1, 200));
    CHECK(watched.look(201) == 1);
    CHECK(watched.changes() == Texts{"silent>"});
}

TEST_CASE("a physical machine that used to speak is missed once, and welcome again") {
    Watched watched;
    const auto say = [&](E type, double at) {
        watched.desk.settle(
            EventBuilder(type, Source::kVmSystem, "host:/node1.example.org").at(at));
    };
    say(E::kVMRunning, 0);
    say(E::kVMHeartbeat, 10);
    CHECK(watched.look(131) == 1);  // not yet silent
    CHECK(watched.look(189) == 0);
    CHECK(watched.changes().empty());
    CHECK(watched.look(191) == 1);
    CHECK(watched.changes() == Texts{">silent"});
    CHECK(watched.look(1000) == 0);
    say(E::kVMHeartbeat, 1010);
    CHECK(watched.look(1011) == 1);
    CHECK(watched.changes() == Texts{"silent>"});
    CHECK(watched.desk.is_rebuild_equal("host:/node1.example.org"));
}

TEST_CASE("two servers that look at once find each disagreement once") {
    constexpr int kMachines = 40;
    Watched watched;
    for (int index = 0; index < kMachines; ++index) {
        watched.run(index);
        watched.desk.settle(
            told(E::kVMStop, Source::kVmManager, index, 100).field("reason", "destroyed"));
    }
    TwoLookouts lookouts(watched.desk);
    lookouts.look_at_once(300);
    watched.look(400);
    CHECK(watched.changes() == Texts(kMachines, ">lost"));
    for (int index = 0; index < kMachines; ++index) CHECK(watched.desk.is_rebuild_equal(vm(index)));
}

TEST_CASE("two servers that look at once find a silent host's machines stale once, each silence") {
    constexpr int kMachines = 40;
    constexpr int kSilences = 5;
    Watched watched;
    for (int index = 0; index < kMachines; ++index) watched.run(index);
    TwoLookouts lookouts(watched.desk);
    for (int silence = 0; silence < kSilences; ++silence) {
        INFO("silence " << silence);
        const double begin = 1000.0 * silence;
        watched.hear("node1.example.org", begin);
        lookouts.look_at_once(begin + 200);
        watched.look(begin + 300);
        CHECK(watched.changes() == Texts(kMachines, ">stale"));
        watched.hear("node1.example.org", begin + 400);
        lookouts.look_at_once(begin + 401);
        watched.look(begin + 450);
        CHECK(watched.changes() == Texts(kMachines, "stale>"));
    }
    CHECK(lookouts.turned() == 2 * kSilences);
    for (int index = 0; index < kMachines; ++index) CHECK(watched.desk.is_rebuild_equal(vm(index)));
}
