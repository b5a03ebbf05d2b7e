// What a late event costs beside a punctual one, in histories of different lengths: CPU of this
// process (the book) and of its database, in interleaved pairs. Each event is a batch of its own,
// as from a host that is heard again. Prints JSON.
//   bench_late [PAIRS [EVENTS...]]
#include <ctime>
#include <nlohmann/json.hpp>
#include <random>

#include "bkserver/authz/policy.h"
#include "common/base/limits.h"
#include "tests/bench/book_bench.h"
#include "tests/support/event_builder.h"

namespace {

using namespace lb;
using bench::kService;
using bench::must;
using E = event::EventType;
using event::Source;

constexpr int kSample = 200;          // events that one figure is of
constexpr int kProcessesMost = 100;   // that share a sample, so that short histories stay short
constexpr int kEventsTold = 100'000;  // in all processes, unless one alone has more

double cpu_us(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

double cpu_us_of_both() {
    clockid_t database = 0;
    ::clock_getcpuclockid(test::PrivateMariadb::shared().server().pid(), &database);
    return cpu_us(CLOCK_PROCESS_CPUTIME_ID) + cpu_us(database);
}

class Histories {
  public:
    explicit Histories(int events)
        : events_(events),
          processes_(std::clamp(kEventsTold / events, 1, kProcessesMost)),
          book_(must(book::Book::open(*database_, policy_, {.service = kService}))) {
        for (int process = 0; process < processes_; ++process) tell(process);
    }

    // Microseconds of CPU an event, of events that happened in the middle of the histories, or now.
    double sample(bool is_late) {
        std::vector<book::Arrived> events;
        for (int i = 0; i < kSample; ++i) {
            const double second = is_late
                                      ? std::uniform_real_distribution(1.0, events_ - 1.0)(random_)
                                      : events_ + ++told_;
            events.push_back(event_of(i % processes_, second));
        }
        const double begin = cpu_us_of_both();
        bench::settle(*book_, events, 1);
        return (cpu_us_of_both() - begin) / kSample;
    }

  private:
    void tell(int process) {
        std::vector<book::Arrived> told;
        for (int second = 0; second < events_; ++second) {
            told.push_back(event_of(process, second));
            if (told.size() < limits::kTransactionEventsMax && second + 1 < events_) continue;
            must(book_->settle(told));
            told.clear();
        }
    }

    // A machine that is restarted on one of its hosts again and again.
    book::Arrived event_of(int process, double second) {
        constexpr E kTypes[] = {E::kVMBoot, E::kVMRunning, E::kVMStop};
        const int round = static_cast<int>(second);
        const std::string id = "https://" + std::string(kService) + "/vm" + std::to_string(process);
        test::EventBuilder built(round == 0 ? E::kRegJob : kTypes[round % 3],
                                 round == 0 ? Source::kUserInterface : Source::kVmManager, id);
        ++counter_;
        built.at(second).counter(counter_).id(std::to_string(counter_));
        if (round == 0) return built.field("jobtype", "VIRTUAL_MACHINE").arrived();
        return built.field("hostname", "node" + std::to_string(round / 3 % 4) + ".example.org")
            .arrived();
    }

    const int events_;
    const int processes_;
    const authz::Policy policy_{authz::Policy::open_to_all(), {}};
    const std::unique_ptr<store::Database> database_ = bench::fresh_database();
    const std::unique_ptr<book::Book> book_;
    std::mt19937 random_{1};
    std::uint64_t counter_ = 0;
    int told_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    const int pairs = argc > 1 ? std::stoi(argv[1]) : 7;
    std::vector<int> lengths;
    for (int i = 2; i < argc; ++i) lengths.push_back(std::stoi(argv[i]));
    if (lengths.empty()) lengths = {100, 10'000, 1'000'000};
    auto results = nlohmann::ordered_json::array();
    for (const int events : lengths) {
        Histories histories(events);
        histories.sample(false);  // warms up
        nlohmann::ordered_json row{{"events", events}};
        for (int pair = 0; pair < pairs; ++pair) {
            row["punctual_us"].push_back(histories.sample(false));
            row["late_us"].push_back(histories.sample(true));
        }
        results.push_back(std::move(row));
    }
    std::printf("%s\n", results.dump().c_str());
    return 0;
}
