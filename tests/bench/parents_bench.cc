// Children of one collection that all end at once beside as many jobs that nobody counts: how much
// of the rate is left when a parent is counted meanwhile. Wall time until the parent, too, is Done.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "bkserver/authz/policy.h"
#include "bkserver/book/settler.h"
#include "bkserver/store/mariadb/database.h"
#include "common/event/process_id.h"
#include "tests/support/event_builder.h"
#include "tests/support/private_mariadb.h"

namespace {

using namespace lb;
using E = event::EventType;
using event::Source;

constexpr char kService[] = "lb.example.org:9000";
constexpr std::size_t kBatch = 1000;
constexpr auto kPause = std::chrono::milliseconds(200);  // as the server's settler

template <typename T>
T must(Result<T> result) {
    if (result.ok()) return std::move(result).value();
    std::fprintf(stderr, "%s\n", result.error().text.c_str());
    std::abort();
}

std::string parent() {
    return "https://" + std::string(kService) + "/collection";
}

std::string job(std::uint32_t index) {
    return event::ProcessId::parse(parent())->child("s", index).to_string();
}

test::EventBuilder registration(const std::string& subject, const char* type) {
    test::EventBuilder built(E::kRegJob, Source::kUserInterface, subject);
    built.at(0).field("jobtype", type).field("ns", "-");
    return built;
}

void settle(book::Book& book, const std::vector<book::Arrived>& events) {
    for (std::size_t at = 0; at < events.size(); at += kBatch)
        must(book.settle(std::span(events).subspan(at, std::min(kBatch, events.size() - at))));
}

void end_jobs(benchmark::State& state, bool has_parent) {
    const auto jobs = static_cast<std::uint32_t>(state.range(0));
    const authz::Policy policy(authz::Policy::open_to_all(), {});
    for (auto _ : state) {
        state.PauseTiming();
        const std::unique_ptr<store::Database> database =
            must(store::mariadb::MariadbDatabase::open(
                {test::PrivateMariadb::shared().fresh_dsn(), "bench", kService}));
        const auto book = must(book::Book::open(*database, policy, {.service = kService}));
        const auto settler = must(book::Settler::open(*database, 900));
        const auto reader = must(database->open_reader());
        std::vector<book::Arrived> known;
        std::vector<book::Arrived> ends;
        if (has_parent)
            known.push_back(registration(parent(), "COLLECTION")
                                .field("nsubjobs", std::to_string(jobs))
                                .field("seed", "s")
                                .arrived());
        for (std::uint32_t i = 0; i < jobs; ++i) {
            if (!has_parent) known.push_back(registration(job(i), "SIMPLE").arrived());
            test::EventBuilder done(E::kDone, Source::kLogMonitor, job(i));
            done.at(10).field("status_code", "OK").field("exit_code", "0");
            ends.push_back(done.arrived());
        }
        settle(*book, known);
        while (must(settler->settle_once(0)) > 0) {
        }
        state.ResumeTiming();
        std::atomic<bool> is_done = false;
        std::thread settling([&] {
            while (!is_done) {
                std::this_thread::sleep_for(kPause);
                must(settler->settle_once(0));
            }
        });
        settle(*book, ends);
        is_done = true;
        settling.join();
        while (must(settler->settle_once(0)) > 0) {
        }
        state.PauseTiming();
        if (has_parent && must(reader->find_process(parent()))->state != "Done") std::abort();
        state.ResumeTiming();
    }
    state.SetItemsProcessed(state.iterations() * jobs);
}

void end_unrelated(benchmark::State& state) {
    end_jobs(state, false);
}

void end_children(benchmark::State& state) {
    end_jobs(state, true);
}

BENCHMARK(end_unrelated)->Arg(10'000)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(end_children)->Arg(10'000)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
