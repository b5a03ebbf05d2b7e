// A site for a long time: 1,000 machines on 50 hosts live, migrate, crash; hosts fall silent and
// die; the parties disagree. Two servers on one database take what is heard. Whenever the site is
// at rest every machine is in the state that it is in, every disagreement that was made was found
// once and has gone, and memory is what it was.
#include <malloc.h>
#include <sys/types.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

#include "bkserver/book/lookout.h"
#include "tests/simulation/machine_park.h"
#include "tests/support/seeds.h"
#include "tests/support/used_bytes.h"
#include "tests/unit/bkserver_book/desk.h"

using namespace lb;
using namespace lb::test;

namespace {

constexpr int kMachines = 1000;
constexpr int kHosts = 50;
// After kNoon: far ahead of the server's clock, by which what has changed is looked at again.
constexpr double kBeginSeconds = 75 * 365.25 * 86'400;
constexpr int kStepsPerRound = 60;
constexpr int kCalmStepsMost = 120;
constexpr int kStepsToLook = 15;  // until who spoke last has been looked at
constexpr int kRebuiltPerRound = 10;
constexpr int kRoundsToWarmUp = 3;
constexpr int kRoundsLeast = 4;
constexpr int kOfTimeToWarmUp = 10;  // and as much of the time: a tenth
constexpr double kGrowthMost = 1.05;
// Full when warm: less than the machines take, and less than kCachedProcesses of them, so that
// bytes are the limit. What is remembered of names is bounded by the count of processes.
constexpr std::size_t kCachedBytes = 96U << 10U;
constexpr std::size_t kCachedProcesses = kMachines / 4;

// For how long rounds are added to the least number of them.
std::chrono::seconds time_to_run() {
    const char* const text = std::getenv("LB_SOAK_SECONDS");
    return std::chrono::seconds(text == nullptr ? 0 : std::stoi(text));
}

// Resident, of a process.
std::uint64_t memory_kib(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6));
    return 0;
}

// Of this process, without what the allocator keeps of memory that was given back: a rebuild's,
// whose size goes with the length of a life, and small pieces, which it counts as used until they
// are joined.
std::uint64_t used_kib() {
    malloc_trim(0);
    return used_bytes() / 1024;
}

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    return words;
}

std::string text_of(const std::map<std::string, int>& counts) {
    std::string text;
    for (const auto& [name, count] : counts) text += " " + name + " " + std::to_string(count);
    return text;
}

// What was found more or less often than it was made.
std::string differences(MachinePark::Disagreements found, const MachinePark::Disagreements& made) {
    for (const auto& [what, count] : made) found[what] -= count;
    std::string text;
    for (const auto& [what, count] : found)
        if (count != 0)
            text += what.first + " of " + what.second + ": " + std::to_string(count) + "; ";
    return text;
}

// A bookkeeping server, as far as it takes events and looks at what is due.
struct Server {
    Server(const Desk& desk, const std::string& instance) : database(desk.open_database(instance)) {
        auto book_opened = book::Book::open(*database, desk.policy,
                                            {.service = kService,
                                             .cached_processes = kCachedProcesses,
                                             .cached_bytes = kCachedBytes});
        REQUIRE(book_opened.ok());
        book = std::move(*book_opened);
        auto lookout_opened = book::Lookout::open(*database, 901);
        REQUIRE(lookout_opened.ok());
        lookout = std::move(*lookout_opened);
    }
    std::unique_ptr<store::Database> database;
    std::unique_ptr<book::Book> book;
    std::unique_ptr<book::Lookout> lookout;
};

class Soak {
  public:
    explicit Soak(unsigned seed) : park_(kService, {kMachines, kHosts}, kBeginSeconds, seed) {
        auto writer = desk_.database->open_writer(902);
        auto reader = desk_.database->open_reader();
        REQUIRE((writer.ok() && reader.ok()));
        writer_ = std::move(*writer);
        reader_ = std::move(*reader);
    }

    // Restless for a while, then until all is at rest.
    void run_round() {
        for (int step = 0; step < kStepsPerRound; ++step) pass(false);
        for (int step = 0; !park_.is_at_rest(); ++step) {
            REQUIRE(step < kCalmStepsMost);
            pass(true);
        }
        for (int step = 0; step < kStepsToLook; ++step) pass(true);
    }

    void check() {
        const auto truth = park_.truth();
        for (const MachinePark::Truth& machine : truth) {
            const store::Process row = process(machine.id);
            INFO(machine.id << " after " << park_.now() << " s");
            CHECK(row.vm_state == machine.vm_state);
            CHECK(row.host == machine.host);
        }
        for (int i = 0; i < kRebuiltPerRound; ++i)
            CHECK(desk_.is_rebuild_equal(truth[(rebuilt_++ * 97) % truth.size()].id));
        CHECK(differences(appeared_, park_.made()) == "");
        CHECK(differences(gone_, park_.made()) == "");
        for (const auto& [what, count] : appeared_) found_[what.first] += count;
        // All are over by now; what would be kept of each would grow with the time.
        appeared_.clear();
        gone_.clear();
        park_.forget_made();
        park_.replace_ended();
    }

    [[nodiscard]] std::string report() const {
        std::ostringstream text;
        text << events_ << " events in " << (park_.now() - kBeginSeconds) / 3600
             << " hours of the site:";
        text << text_of(park_.done()) << "; found:" << text_of(found_);
        return text.str();
    }

  private:
    void pass(bool is_calm) {
        park_.pass(is_calm);
        hear_loggers();
        deliver(park_.take_heard());
        const std::int64_t now_us = kNoon + static_cast<std::int64_t>(park_.now() * 1e6);
        for (const Server& server : servers_) REQUIRE(server.lookout->look_once(now_us, true).ok());
        read_changes();
    }

    // Some of it to each server.
    void deliver(const std::vector<book::Arrived>& heard) {
        const std::span<const book::Arrived> all = heard;
        const std::size_t middle = all.size() / 2;
        if (middle > 0) REQUIRE(servers_[0].book->settle(all.first(middle)).ok());
        if (!all.empty()) REQUIRE(servers_[1].book->settle(all.subspan(middle)).ok());
        events_ += heard.size();
    }

    void hear_loggers() {
        std::vector<store::Logger> loggers;
        for (const std::string& host : park_.loggers_heard())
            loggers.push_back(
                {.host = host, .seen_us = kNoon + static_cast<std::int64_t>(park_.now() * 1e6)});
        REQUIRE(writer_->begin().ok());
        REQUIRE(writer_->put_loggers(loggers).ok());
        REQUIRE(writer_->commit().ok());
    }

    void read_changes() {
        constexpr std::size_t kMost = 10'000;
        for (;;) {
            const auto changes = reader_->changes_after(cursor_, kMost);
            REQUIRE(changes.ok());
            for (const store::Change& change : *changes) {
                cursor_[change.stream] = std::max(cursor_[change.stream], change.number);
                const auto before = words_of(change.old_concerns);
                const auto after = words_of(change.new_concerns);
                if (before == after) continue;
                const auto ids = reader_->ids_of(std::span(&change.process, 1));
                REQUIRE(ids.ok());
                const std::string& id = ids->at(0);
                count_new(id, before, after, appeared_);
                count_new(id, after, before, gone_);
            }
            if (changes->size() < kMost) return;
        }
    }
    static void count_new(const std::string& id, const std::vector<std::string>& before,
                          const std::vector<std::string>& after,
                          MachinePark::Disagreements& counts) {
        for (const std::string& name : after)
            if (std::find(before.begin(), before.end(), name) == before.end()) ++counts[{name, id}];
    }

    store::Process process(const std::string& id) {
        auto found = reader_->find_process(id);
        REQUIRE(found.ok());
        REQUIRE(found->has_value());
        return **found;
    }

    Desk desk_;
    Server servers_[2] = {{desk_, "one"}, {desk_, "two"}};
    MachinePark park_;
    std::unique_ptr<store::Writer> writer_;
    std::unique_ptr<store::Reader> reader_;
    store::ChangeCursor cursor_;
    MachinePark::Disagreements appeared_;
    MachinePark::Disagreements gone_;
    std::map<std::string, int> found_;  // by name, in all rounds
    std::size_t rebuilt_ = 0;
    std::size_t events_ = 0;
};

}  // namespace

TEST_CASE("a site of machines stays true, and memory flat, however long it lives", "[soak]") {
    for (const std::uint64_t seed : seeds(1)) {
        INFO("LB_SEED=" << seed);
        Soak soak(static_cast<unsigned>(seed));
        const auto begin = std::chrono::steady_clock::now();
        const auto warm_at = begin + time_to_run() / kOfTimeToWarmUp;
        const auto end = begin + time_to_run();
        std::uint64_t warm_kib = 0;
        std::uint64_t kib = 0;
        for (int round = 1; round <= kRoundsLeast || std::chrono::steady_clock::now() < end;
             ++round) {
            soak.run_round();
            soak.check();
            kib = used_kib();
            if (round <= kRoundsToWarmUp || std::chrono::steady_clock::now() < warm_at)
                warm_kib = kib;
            if (end > begin) std::cerr << "round " << round << ": " << kib << " KiB in use\n";
        }
        WARN(soak.report() << "; memory used " << warm_kib << " KiB, in the end " << kib
                           << " KiB, resident " << memory_kib(::getpid())
                           << " KiB, of the database "
                           << memory_kib(PrivateMariadb::shared().server().pid()) << " KiB");
        CHECK(static_cast<double>(kib) < static_cast<double>(warm_kib) * kGrowthMost);
    }
}
