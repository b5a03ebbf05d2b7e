// Queries beside the same SQL by hand, over one private database, at rest and while events arrive
// at half the rate at which it takes them: bench_query PROCESSES ROUNDS. Prints one line of JSON a
// question: p50 and p99 in microseconds of both, interleaved.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "bkserver/book/book.h"
#include "bkserver/query/search.h"
#include "bkserver/store/mariadb/connection.h"
#include "bkserver/store/mariadb/database.h"
#include "tests/support/event_builder.h"
#include "tests/support/private_mariadb.h"

namespace {

using namespace lb;

constexpr char kService[] = "lb.example.org:9000";
constexpr int kOwners = 20;
constexpr int kHosts = 100;
constexpr int kEventsPerProcess = 4;
constexpr int kBatch = 1000;

template <typename T>
T must(Result<T> result) {
    if (result.ok()) return std::move(result).value();
    std::fprintf(stderr, "%s\n", result.error().text.c_str());
    std::abort();
}

std::string id_of(int process) {
    return "https://" + std::string(kService) + "/process" + std::to_string(process);
}

book::Arrived event_of(int number, int processes) {
    constexpr event::EventType kTypes[] = {event::EventType::kRegJob, event::EventType::kVMBoot,
                                           event::EventType::kVMRunning, event::EventType::kVMStop};
    const int process = number % processes;
    const int round = number / processes;
    // Two of three machines run on.
    const bool stays = round == 3 && process % 3 != 0;
    test::EventBuilder built(stays ? event::EventType::kVMRunning : kTypes[round],
                             round == 0 ? event::Source::kUserInterface : event::Source::kVmManager,
                             id_of(process));
    built.at(round * 3600.0 + process * 0.01).counter(static_cast<std::uint64_t>(number) + 1);
    built.uid(static_cast<std::uint32_t>(1000 + process % kOwners));
    if (round == 0)
        built.field("jobtype", "VIRTUAL_MACHINE").field("jdl", std::string(200, 'p'));
    else
        built.field("hostname", "n" + std::to_string(process % kHosts) + ".example.org");
    return built.arrived();
}

// Of a process that nothing else is known of.
book::Arrived registration_of(int number) {
    test::EventBuilder built(event::EventType::kRegJob, event::Source::kUserInterface,
                             id_of(number));
    built.at(4 * 3600.0 + number * 0.01).counter(static_cast<std::uint64_t>(number) + 1);
    built.uid(static_cast<std::uint32_t>(1000 + number % kOwners));
    built.field("jobtype", "VIRTUAL_MACHINE").field("jdl", std::string(200, 'p'));
    return built.arrived();
}

void fill(store::Database& database, const authz::Policy& policy, int processes) {
    const auto book = must(book::Book::open(database, policy, {.service = kService}));
    std::vector<book::Arrived> batch;
    for (int number = 0; number < processes * kEventsPerProcess; ++number) {
        batch.push_back(event_of(number, processes));
        if (batch.size() < kBatch && number + 1 < processes * kEventsPerProcess) continue;
        must(book->settle(batch));
        batch.clear();
    }
}

// Settles new processes in small batches, so many events a second.
class Ingest {
  public:
    Ingest(store::Database& database, const authz::Policy& policy, int processes, double rate)
        : book_(must(book::Book::open(database, policy, {.service = kService, .lane = 1}))),
          next_(processes * kEventsPerProcess),
          rate_(rate),
          thread_([this] { run(); }) {}
    ~Ingest() {
        is_stopping_ = true;
        thread_.join();
    }
    // Events settled, of those that should have been by now.
    double share() const { return static_cast<double>(settled_) / (seconds() * rate_); }

  private:
    double seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    }
    void run() {
        constexpr int kSmallBatch = 100;
        while (!is_stopping_) {
            if (static_cast<double>(settled_) > seconds() * rate_) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
                continue;
            }
            std::vector<book::Arrived> batch;
            for (int i = 0; i < kSmallBatch; ++i) batch.push_back(registration_of(next_++));
            must(book_->settle(batch));
            settled_ += kSmallBatch;
        }
    }

    std::unique_ptr<book::Book> book_;
    int next_;
    const double rate_;
    const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    std::atomic<std::int64_t> settled_ = 0;
    std::atomic<bool> is_stopping_ = false;
    std::thread thread_;
};

double microseconds(const std::function<void()>& act) {
    const auto begin = std::chrono::steady_clock::now();
    act();
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin)
        .count();
}

double quantile(std::vector<double> values, double q) {
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

struct Question {
    std::string name;
    std::function<void()> ours;
    std::function<void()> by_hand;
};

void measure(const Question& question, int rounds) {
    std::vector<double> ours, by_hand;
    question.ours();
    question.by_hand();
    for (int i = 0; i < rounds; ++i) {
        ours.push_back(microseconds(question.ours));
        by_hand.push_back(microseconds(question.by_hand));
    }
    std::printf(
        "{\"question\": \"%s\", \"p50_us\": %.0f, \"p99_us\": %.0f, \"sql_p50_us\": %.0f, "
        "\"sql_p99_us\": %.0f}\n",
        question.name.c_str(), quantile(ours, 0.5), quantile(ours, 0.99), quantile(by_hand, 0.5),
        quantile(by_hand, 0.99));
    std::fflush(stdout);
}

// All that the questions need, made once.
struct Bench {
    explicit Bench(int processes_)
        : processes(processes_),
          dsn(test::PrivateMariadb::shared().fresh_dsn()),
          policy(authz::Policy::open_to_all(), {}),
          database(must(store::mariadb::MariadbDatabase::open({dsn, "bench", kService}))),
          hand(dsn) {
        const double filled_us = microseconds([&] { fill(*database, policy, processes); });
        fill_rate = processes * kEventsPerProcess / (filled_us / 1e6);
        std::printf("{\"processes\": %d, \"events\": %d, \"filled_s\": %.1f}\n", processes,
                    processes * kEventsPerProcess, filled_us / 1e6);
        reader = must(database->open_reader());
        if (!hand.use().ok()) std::abort();
    }

    [[nodiscard]] query::SearchContext context() const {
        return {*reader, policy, asker, test::kNoon};
    }
    std::function<void()> processes_of(const lb::v1::QueryRequest& ask) {
        return [this, ask] { must(query::search_processes(context(), ask, [](const auto&) {})); };
    }
    std::function<void()> sql(const std::string& text,
                              const std::vector<store::mariadb::Value>& values = {}) {
        return [this, text, values] { must(hand.query(text, values)); };
    }
    std::uint64_t number_of(const std::string& text) {
        const store::mariadb::Value value = std::string_view(text);
        return must(hand.query("SELECT number FROM dictionary WHERE content = ?",
                               std::span(&value, 1)))
            .number(0, 0);
    }

    const int processes;
    double fill_rate = 0;  // events a second
    store::mariadb::Dsn dsn;
    authz::Policy policy;
    std::string when;  // behind the names of questions
    std::unique_ptr<store::Database> database;
    std::unique_ptr<store::Reader> reader;
    store::mariadb::Connection hand;
    lb::v1::Identity asker;
};

void measure_status(Bench& bench, int rounds) {
    lb::v1::QueryRequest ask;
    ask.set_condition("id=\"" + id_of(7) + "\"");
    ask.add_fields("vm_state");
    ask.add_fields("stateEnterTimes");
    const auto number = must(bench.reader->find_process(id_of(7)))->number;
    measure({"status by id" + bench.when, bench.processes_of(ask),
             bench.sql("SELECT p.* FROM process p WHERE p.number = ?", {std::uint64_t{number}})},
            rounds);
}

void measure_pages(Bench& bench, int rounds) {
    const std::string owner = "uid:1001@node1.example.org";
    lb::v1::QueryRequest page;
    page.set_condition("owner=\"" + owner + "\" and state=running");
    lb::v1::QueryRequest far = page;
    const int last_page = std::min(50, bench.processes / kOwners * 2 / 3 / 100);
    for (int i = 1; i < last_page; ++i)
        far.set_cursor(must(query::search_processes(bench.context(), far, [](const auto&) {})));
    const std::string listed =
        "SELECT p.number, p.state, p.vm_state, p.owner, p.host, p.entered_us, s.name FROM process "
        "p "
        "JOIN subject s ON s.number = p.number WHERE p.owner = ? AND p.state = ? AND p.number > ? "
        "ORDER BY p.number LIMIT 101";
    const std::uint64_t number = bench.number_of(owner);
    const std::uint64_t running = bench.number_of("Running");
    const std::string& cursor = far.cursor();
    const std::uint64_t after =
        cursor.empty() ? 0
                       : std::strtoull(cursor.substr(cursor.rfind('.') + 1).c_str(), nullptr, 10);
    measure({"an owner's running machines, page 1" + bench.when, bench.processes_of(page),
             bench.sql(listed, {number, running, std::uint64_t{0}})},
            rounds);
    measure({"an owner's running machines, a far page" + bench.when, bench.processes_of(far),
             bench.sql(listed, {number, running, after})},
            rounds);
}

void measure_groups(Bench& bench, int rounds) {
    lb::v1::QueryRequest ask;
    ask.set_by("host");
    const auto ours = [&] {
        if (!query::count_processes(bench.context(), ask, [](const auto&) {}).ok()) std::abort();
    };
    measure({"count by host" + bench.when, ours,
             bench.sql("SELECT host, COUNT(*) FROM process WHERE merged_into = 0 AND type <> 0 "
                       "GROUP BY host")},
            rounds);
}

void measure_events(Bench& bench, int rounds) {
    lb::v1::QueryRequest ask;
    ask.set_what(lb::v1::QueryRequest::WHAT_EVENTS);
    ask.set_condition("time within (2026-11-24T14:00:05Z, 2026-11-24T14:00:06Z)");
    const auto ours = [&] { must(query::search_events(bench.context(), ask, [](const auto&) {})); };
    const std::int64_t from = test::kNoon + 7'205'000'000;
    measure({"events of one second" + bench.when, ours,
             bench.sql("SELECT e.*, s.name FROM event e JOIN subject s ON s.number = e.subject "
                       "WHERE e.time_us >= ? AND e.time_us <= ? ORDER BY e.time_us, e.arrival "
                       "LIMIT 101",
                       {from, from + 1'000'000})},
            rounds);
}

void measure_all(Bench& bench, int rounds) {
    measure_status(bench, rounds);
    measure_pages(bench, rounds);
    measure_groups(bench, rounds);
    measure_events(bench, rounds);
}

}  // namespace

int main(int argc, char** argv) {
    Bench bench(argc > 1 ? std::atoi(argv[1]) : 20'000);
    const int rounds = argc > 2 ? std::atoi(argv[2]) : 50;
    measure_all(bench, rounds);
    bench.when = ", while events arrive";
    const Ingest ingest(*bench.database, bench.policy, bench.processes, bench.fill_rate / 2);
    measure_all(bench, rounds);
    std::printf("{\"asked_events_per_second\": %.0f, \"kept\": %.2f}\n", bench.fill_rate / 2,
                ingest.share());
    return 0;
}
