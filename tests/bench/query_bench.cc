// Queries beside the same SQL by hand, at rest and while events arrive at half of the rate at which
// the book takes them. Prints one line of JSON a question: p50 and p99 of both in microseconds,
// interleaved. With --pairs also what size costs: ingest and statuses of this database beside those
// of an empty one of the same server.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <future>
#include <random>
#include <thread>
#include <vector>

#include "bkserver/app/administration.h"
#include "bkserver/app/answer_pool.h"
#include "bkserver/query/search.h"
#include "bkserver/query/service.h"
#include "common/event/time_text.h"
#include "tests/bench/query_site.h"
#include "tests/support/event_builder.h"

namespace {

using namespace lb;
using bench::must;
using bench::QuerySite;
using bench::Size;
using lb::v1::QueryRequest;
using store::mariadb::Value;

constexpr int kConnections = 4;
constexpr std::size_t kBatch = 1000;

double seconds_of(const std::function<void()>& act) {
    const auto begin = std::chrono::steady_clock::now();
    act();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double quantile(std::vector<double> values, double q) {
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

// Events a second that a book of its own settles: whole lives of new processes.
double ingest_rate(const QuerySite& site, store::Database& database, int processes) {
    const auto lives = bench::fresh_lives(site.size, processes);
    const auto book = must(book::Book::open(database, site.policy, {.service = bench::kService}));
    return static_cast<double>(lives.size()) /
           seconds_of([&] { bench::settle(*book, lives, kBatch); });
}

// Settles lives of new processes, so many events a second, as long as it is there.
class Ingest {
  public:
    Ingest(const QuerySite& site, double rate)
        : site_(site),
          book_(must(book::Book::open(*site.database, site.policy,
                                      {.service = bench::kService, .lane = 1}))),
          rate_(rate),
          thread_([this] { run(); }) {}
    ~Ingest() {
        is_stopping_ = true;
        thread_.join();
    }
    // Events settled, of those that should have been by now.
    [[nodiscard]] double share() const {
        return std::min(1.0, static_cast<double>(settled_) / due());
    }

  private:
    [[nodiscard]] double due() const {
        return rate_ *
               std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    }
    void settle(std::span<const book::Arrived> batch) {
        while (static_cast<double>(settled_) > due() && !is_stopping_)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        must(book_->settle(batch));
        settled_ += static_cast<std::int64_t>(batch.size());
    }
    void run() {
        constexpr int kProcesses = 100;
        while (!is_stopping_) {
            const auto lives = bench::fresh_lives(site_.size, kProcesses);
            for (std::size_t i = 0; i < lives.size() && !is_stopping_; i += kProcesses)
                settle(std::span(lives).subspan(i, kProcesses));
        }
    }

    const QuerySite& site_;
    std::unique_ptr<book::Book> book_;
    const double rate_;
    const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    std::atomic<std::int64_t> settled_ = 0;
    std::atomic<bool> is_stopping_ = false;
    std::thread thread_;
};

// One who asks, over a connection of his own for the server's answers and one for SQL by hand.
class Reader {
  public:
    // `memory`: of the server that answers; outlives the reader.
    Reader(const QuerySite& site, store::Database& database, query::Memory& memory)
        : administration_(database, site.policy, tokens_, {}, {}),
          policy_(site.policy),
          reader_(must(database.open_reader())),
          service_(*reader_, policy_, administration_, memory),
          hand_(site.dsn()) {
        must(hand_.use());
    }

    void status(const std::string& id) { must(service_.status_of({asker_, test::kNoon}, id)); }
    std::string processes(const QueryRequest& ask) {
        return must(query::search_processes(context(), ask, [](const auto&) {}));
    }
    void counts(const QueryRequest& ask) {
        must(query::count_processes(context(), ask, [](const auto&) {}));
    }
    void events(const QueryRequest& ask) {
        must(query::search_events(context(), ask, [](const auto&) {}));
    }
    // All of it, page by page.
    void history(const std::string& id) {
        lb::v1::Request request;
        request.mutable_history()->set_process(id);
        const auto take = [&](const lb::v1::Reply& reply) {
            if (!reply.text().empty()) must(Status(Error{ErrorCode::kBug, reply.text()}));
            request.mutable_history()->set_cursor(reply.cursor());
        };
        do service_.answer({asker_, test::kNoon}, request, take);
        while (!request.history().cursor().empty());
    }
    void sql(const std::string& text, const std::vector<Value>& values = {}) {
        must(hand_.query(text, values));
    }
    std::uint64_t number_of(const std::string& text) {
        const Value value = std::string_view(text);
        return must(hand_.query("SELECT number FROM dictionary WHERE content = ?",
                                std::span(&value, 1)))
            .number(0, 0);
    }
    std::uint64_t process_number(const std::string& id) {
        return must(reader_->find_process(id))->number;
    }

  private:
    [[nodiscard]] query::SearchContext context() const {
        return {*reader_, policy_, asker_, test::kNoon};
    }

    authz::TokenBook tokens_;
    bkserver::ServerAdministration administration_;
    const authz::Policy& policy_;
    std::unique_ptr<store::Reader> reader_;
    query::Service service_;
    store::mariadb::Connection hand_;
    lb::v1::Identity asker_;
};

// Processes by chance, the same ones in each run; their ids and their numbers in the database.
struct Sample {
    std::vector<std::string> ids;
    std::vector<std::uint64_t> numbers;
};

Sample sample_of(const QuerySite& site, Reader& reader, int count) {
    std::mt19937 random(1);
    Sample sample;
    for (int i = 0; i < count; ++i) {
        const int process = static_cast<int>(random() % static_cast<unsigned>(site.size.processes));
        const int copy = static_cast<int>(random() % static_cast<unsigned>(site.size.copies));
        sample.ids.push_back(bench::id_of(bench::name_of(process, copy)));
        sample.numbers.push_back(reader.process_number(sample.ids.back()));
    }
    return sample;
}

constexpr char kPointSelect[] = "SELECT p.* FROM process p WHERE p.number = ?";

class Bench {
  public:
    Bench(const QuerySite& site, int rounds)
        : site_(site),
          rounds_(rounds),
          reader_(site, *site.database, memory_),
          sample_(sample_of(site, reader_, rounds)) {}

    void ask_all(const std::string& when) {
        when_ = when;
        ask_status();
        ask_pages();
        ask_groups();
        ask_events();
        if (!when.empty()) return;
        ask_history();
        ask_side_by_side();
    }

  private:
    using Act = std::function<void(std::size_t)>;

    void measure(const std::string& name, const Act& ours, const Act& by_hand) {
        measure(name, rounds_, ours, by_hand);
    }

    void measure(const std::string& name, int rounds, const Act& ours, const Act& by_hand) {
        std::vector<double> ours_us, by_hand_us;
        for (int i = -1; i < rounds; ++i) {
            const auto round = static_cast<std::size_t>(std::max(i, 0));
            const double one = seconds_of([&] { ours(round); }) * 1e6;
            const double other = seconds_of([&] { by_hand(round); }) * 1e6;
            if (i < 0) continue;  // statements are prepared, pages are read
            ours_us.push_back(one);
            by_hand_us.push_back(other);
        }
        std::printf(
            "{\"question\": \"%s%s\", \"p50_us\": %.0f, \"p99_us\": %.0f, \"sql_p50_us\": %.0f, "
            "\"sql_p99_us\": %.0f}\n",
            name.c_str(), when_.c_str(), quantile(ours_us, 0.5), quantile(ours_us, 0.99),
            quantile(by_hand_us, 0.5), quantile(by_hand_us, 0.99));
        std::fflush(stdout);
    }

    void ask_status() {
        measure(
            "status by id", [&](std::size_t i) { reader_.status(sample_.ids[i]); },
            [&](std::size_t i) { reader_.sql(kPointSelect, {sample_.numbers[i]}); });
    }

    void ask_pages() {
        const std::string owner = "uid:1001@node1.example.org";
        QueryRequest page;
        page.set_condition("owner=\"" + owner + "\" and state=running");
        constexpr int kPage = 100;
        const int last_page =
            std::clamp(site_.size.all() / site_.size.owners() * 2 / 3 / kPage, 1, 50);
        QueryRequest far = page;
        for (int i = 1; i < last_page; ++i) far.set_cursor(reader_.processes(far));
        const std::string& cursor = far.cursor();
        const std::uint64_t behind =
            cursor.empty() ? 0 : std::stoull(cursor.substr(cursor.rfind('.') + 1));
        const std::uint64_t number = reader_.number_of(owner);
        const std::uint64_t running = reader_.number_of("Running");
        const auto by_hand = [&](std::uint64_t after) {
            reader_.sql(
                "SELECT p.number, p.state, p.vm_state, p.owner, p.host, p.entered_us, s.name "
                "FROM process p JOIN subject s ON s.number = p.number WHERE p.owner = ? AND "
                "p.state = ? AND p.number > ? ORDER BY p.number LIMIT 101",
                {number, running, after});
        };
        measure(
            "an owner's running machines, page 1", [&](std::size_t) { reader_.processes(page); },
            [&](std::size_t) { by_hand(0); });
        measure(
            "an owner's running machines, page " + std::to_string(last_page),
            [&](std::size_t) { reader_.processes(far); }, [&](std::size_t) { by_hand(behind); });
    }

    void ask_groups() {
        QueryRequest ask;
        ask.set_by("host");
        measure(
            "count by host", [&](std::size_t) { reader_.counts(ask); },
            [&](std::size_t) {
                reader_.sql(
                    "SELECT host, COUNT(*) FROM process WHERE merged_into = 0 AND type <> 0 "
                    "GROUP BY host");
            });
    }

    void ask_events() {
        // In the third hour of all lives, or round of events where that is longer.
        const auto from =
            test::kNoon + static_cast<std::int64_t>(2 * site_.size.round_s() + 5) * 1'000'000;
        const std::int64_t to = from + 1'000'000;
        QueryRequest ask;
        ask.set_what(QueryRequest::WHAT_EVENTS);
        ask.set_condition("time within (" + event::time_to_text(from) + ", " +
                          event::time_to_text(to) + ")");
        measure(
            "events of one second", [&](std::size_t) { reader_.events(ask); },
            [&](std::size_t) {
                reader_.sql(
                    "SELECT e.*, s.name FROM event e JOIN subject s ON s.number = e.subject WHERE "
                    "e.time_us >= ? AND e.time_us <= ? ORDER BY e.time_us, e.arrival LIMIT 101",
                    {from, to});
            });
    }

    // Of one machine that has lived long.
    void ask_history() {
        constexpr int kEvents = 10'000;
        constexpr int kHistories = 5;
        const auto life = bench::fresh_lives({.processes = 1, .events = kEvents}, 1);
        lb::v1::Envelope envelope;
        envelope.ParseFromString(life.front().envelope);
        const std::string& id = envelope.subject();
        bench::settle(
            *must(book::Book::open(*site_.database, site_.policy, {.service = bench::kService})),
            life, kBatch);
        const std::uint64_t number = reader_.process_number(id);
        measure(
            "history of " + std::to_string(kEvents) + " events, by pages", kHistories,
            [&](std::size_t) { reader_.history(id); },
            [&](std::size_t) {
                reader_.sql("SELECT e.* FROM event e WHERE e.subject = ? ORDER BY e.order_prefix",
                            {number});
            });
    }

    // Statuses a second that the server's threads answer to many clients, each of whom waits for
    // his answer before he asks again.
    double pooled_rate(bkserver::AnswerPool& pool, const std::vector<std::string>& ids) {
        constexpr int kClients = 64;
        std::atomic<std::size_t> asked = 0, answered = 0;
        std::promise<void> is_done;
        const lb::v1::Identity asker;
        const std::function<void()> ask = [&] {
            const std::size_t i = asked++;
            if (i >= ids.size()) return;
            const auto answer = [&, i](bkserver::AnswerTools tools) {
                must(tools.queries.status_of({asker, test::kNoon}, ids[i]));
                ask();
                if (++answered == ids.size()) is_done.set_value();
            };
            if (!pool.submit(
                    answer, [](const Error& why) { must(Status(why)); }, ids[i]))
                must(Status(Error{ErrorCode::kBug, "the pool is full"}));
        };
        return static_cast<double>(ids.size()) / seconds_of([&] {
                   for (int client = 0; client < kClients; ++client) ask();
                   is_done.get_future().wait();
               });
    }

    // As many statuses, or point selects, as go through some connections at once: statuses that
    // nobody has asked for before, and the same ones again; by one client a connection, and by many
    // clients of the server's threads.
    void ask_side_by_side() {
        constexpr int kEach = 1000;
        const Sample sample = sample_of(site_, reader_, kConnections * kEach);
        std::vector<std::unique_ptr<Reader>> readers;
        const auto rate = [&](const std::function<void(Reader&, std::size_t)>& act) {
            return kConnections * kEach / seconds_of([&] {
                       std::vector<std::jthread> threads;
                       for (std::size_t one = 0; one < readers.size(); ++one)
                           threads.emplace_back([&, one] {
                               for (std::size_t i = 0; i < kEach; ++i)
                                   act(*readers[one], one * kEach + i);
                           });
                   });
        };
        const auto status = [&](Reader& reader, std::size_t i) { reader.status(sample.ids[i]); };
        const auto select = [&](Reader& reader, std::size_t i) {
            reader.sql(kPointSelect, {sample.numbers[i]});
        };
        std::vector<double> first, again, selects, pooled_first, pooled_again;
        authz::TokenBook tokens;
        bkserver::ServerAdministration administration(*site_.database, site_.policy, tokens, {},
                                                      {});
        for (int pair = 0; pair < 7; ++pair) {
            query::Memory memory;
            readers.clear();
            for (int i = 0; i < kConnections; ++i) {
                readers.push_back(std::make_unique<Reader>(site_, *site_.database, memory));
                status(*readers.back(), 0);
                select(*readers.back(), 0);
            }
            first.push_back(rate(status));
            selects.push_back(rate(select));
            again.push_back(rate(status));
            const auto pool = must(bkserver::AnswerPool::start(
                *site_.database, site_.policy, administration, kConnections, sample.ids.size()));
            pooled_rate(*pool, {sample.ids.begin(), sample.ids.begin() + kConnections});
            pooled_first.push_back(pooled_rate(*pool, sample.ids));
            pooled_again.push_back(pooled_rate(*pool, sample.ids));
        }
        std::printf(
            "{\"connections\": %d, \"statuses_per_second\": %.0f, "
            "\"statuses_again_per_second\": %.0f, \"pooled_statuses_per_second\": %.0f, "
            "\"pooled_statuses_again_per_second\": %.0f, \"point_selects_per_second\": %.0f}\n",
            kConnections, quantile(first, 0.5), quantile(again, 0.5), quantile(pooled_first, 0.5),
            quantile(pooled_again, 0.5), quantile(selects, 0.5));
        std::fflush(stdout);
    }

    const QuerySite& site_;
    const int rounds_;
    query::Memory memory_;
    Reader reader_;
    const Sample sample_;
    std::string when_;
};

// One pair: how fast this database takes events and what its slow statuses take.
struct Speed {
    double events_per_second;
    double status_p99_us;
};

constexpr int kProcessesOfPair = 1000;

Speed speed_of(const QuerySite& site, store::Database& database,
               const std::vector<std::string>& ids) {
    constexpr std::size_t kStatuses = 2000;
    query::Memory memory;
    Reader reader(site, database, memory);
    const double rate = ingest_rate(site, database, kProcessesOfPair);
    std::vector<double> times;
    for (std::size_t i = 0; i < kStatuses; ++i)
        times.push_back(seconds_of([&] { reader.status(ids[i % ids.size()]); }) * 1e6);
    return {rate, quantile(times, 0.99)};
}

void compare_with_empty(const QuerySite& site, int pairs) {
    const auto empty = site.empty_database();
    ingest_rate(site, *empty, kProcessesOfPair);
    std::vector<std::string> few;
    for (const auto& one :
         must(must(empty->open_reader())->search_processes({.limit = kProcessesOfPair})))
        few.push_back(one.id);
    query::Memory memory;
    Reader reader(site, *site.database, memory);
    const auto many = sample_of(site, reader, kProcessesOfPair).ids;
    for (int pair = 0; pair < pairs; ++pair) {
        const Speed none = speed_of(site, *empty, few);
        const Speed full = speed_of(site, *site.database, many);
        std::printf(
            "{\"pair\": %d, \"events_per_second\": %.0f, \"empty_events_per_second\": %.0f, "
            "\"status_p99_us\": %.0f, \"empty_status_p99_us\": %.0f}\n",
            pair + 1, full.events_per_second, none.events_per_second, full.status_p99_us,
            none.status_p99_us);
        std::fflush(stdout);
    }
}

}  // namespace

int main(int argc, char** argv) {
    bench::SiteOptions options;
    int rounds = 50;
    int pairs = 0;
    CLI::App app("Queries beside the same SQL by hand");
    app.add_option("--processes", options.size.processes, "that go through the book");
    app.add_option("--copies", options.size.copies, "of each process, by SQL");
    app.add_option("--events", options.size.events, "of each process, at least 3");
    app.add_option("--rounds", rounds, "of each question");
    app.add_option("--pairs", pairs, "of measurements beside an empty database");
    app.add_option("--directory", options.directory,
                   "where the database is kept and found again; it is not removed");
    app.add_option("--buffer-pool", options.buffer_pool_mib, "MiB, of the kept database");
    CLI11_PARSE(app, argc, argv);

    const QuerySite site(options);
    constexpr int kProcessesOfRate = 1000;
    const double rate = ingest_rate(site, *site.database, kProcessesOfRate);
    std::printf("{\"processes\": %d, \"events\": %d, \"ingest_per_second\": %.0f}\n",
                options.size.all(), options.size.all() * options.size.events, rate);
    Bench bench(site, rounds);
    bench.ask_all("");
    {
        const Ingest ingest(site, rate / 2);
        bench.ask_all(", while events arrive");
        std::printf("{\"asked_events_per_second\": %.0f, \"kept\": %.2f}\n", rate / 2,
                    ingest.share());
    }
    if (pairs > 0) compare_with_empty(site, pairs);
    return 0;
}
