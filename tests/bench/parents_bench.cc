// Processes that all change at once, counted by a parent, beside as many that nobody counts: how
// much of the rate is left. Children of a collection and members of a cluster of virtual machines.
// Wall time until the parent, too, has its state.
#include <benchmark/benchmark.h>

#include <atomic>
#include <thread>

#include "bkserver/authz/policy.h"
#include "bkserver/book/settler.h"
#include "common/event/process_id.h"
#include "tests/bench/book_bench.h"
#include "tests/support/event_builder.h"

namespace {

using namespace lb;
using bench::kService;
using bench::must;
using E = event::EventType;
using event::Source;

constexpr std::size_t kBatch = 1000;
constexpr std::uint32_t kHosts = 50;
constexpr auto kPause = std::chrono::milliseconds(200);  // as the server's settler

struct Load {
    std::vector<book::Arrived> known;    // before the clock runs
    std::vector<book::Arrived> changes;  // all at once
    const char* parents_state;           // in the end
};

std::string id(const std::string& unique) {
    return "https://" + std::string(kService) + "/" + unique;
}

std::string parent() {
    return id("parent");
}

test::EventBuilder registration(const std::string& subject, const char* type) {
    test::EventBuilder built(E::kRegJob, Source::kUserInterface, subject);
    built.at(0).field("jobtype", type).field("ns", "-");
    return built;
}

Load jobs_that_end(std::uint32_t count, bool has_parent) {
    Load load{{}, {}, "Done"};
    if (has_parent)
        load.known.push_back(registration(parent(), "COLLECTION")
                                 .field("nsubjobs", std::to_string(count))
                                 .field("seed", "s")
                                 .arrived());
    const auto collection = event::ProcessId::parse(parent());
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::string job = collection->child("s", i).to_string();
        if (!has_parent) load.known.push_back(registration(job, "SIMPLE").arrived());
        test::EventBuilder done(E::kDone, Source::kLogMonitor, job);
        done.at(10).field("status_code", "OK").field("exit_code", "0");
        load.changes.push_back(done.arrived());
    }
    return load;
}

Load machines_that_start(std::uint32_t count, bool has_parent) {
    Load load{{}, {}, "Running"};
    if (has_parent) load.known.push_back(registration(parent(), "VM_CLUSTER").arrived());
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::string machine = id("vm" + std::to_string(i));
        load.known.push_back(registration(machine, "VIRTUAL_MACHINE").arrived());
        if (has_parent) {
            test::EventBuilder join(E::kClusterJoin, Source::kUserInterface, machine);
            load.known.push_back(join.at(1).field("cluster", parent()).arrived());
        }
        test::EventBuilder running(E::kVMRunning, Source::kVmManager, machine);
        running.at(10).field("hostname", "node" + std::to_string(i % kHosts) + ".example.org");
        load.changes.push_back(running.arrived());
    }
    return load;
}

using MakeLoad = Load (*)(std::uint32_t count, bool has_parent);

void change_at_once(benchmark::State& state, MakeLoad make_load, bool has_parent) {
    const Load load = make_load(static_cast<std::uint32_t>(state.range(0)), has_parent);
    const authz::Policy policy(authz::Policy::open_to_all(), {});
    for (auto _ : state) {
        state.PauseTiming();
        const auto database = bench::fresh_database();
        const auto book = must(book::Book::open(*database, policy, {.service = kService}));
        const auto settler = must(book::Settler::open(*database, 900));
        const auto reader = must(database->open_reader());
        bench::settle(*book, load.known, kBatch);
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
        bench::settle(*book, load.changes, kBatch);
        is_done = true;
        settling.join();
        while (must(settler->settle_once(0)) > 0) {
        }
        state.PauseTiming();
        if (has_parent && must(reader->find_process(parent()))->state != load.parents_state)
            must(Status(Error{ErrorCode::kBug, "the parent has another state"}));
        state.ResumeTiming();
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

#define LB_BENCH(name, load, has_parent)                      \
    BENCHMARK_CAPTURE(change_at_once, name, load, has_parent) \
        ->Arg(10'000)                                         \
        ->Unit(benchmark::kMillisecond)                       \
        ->UseRealTime()
LB_BENCH(jobs_unrelated, jobs_that_end, false);
LB_BENCH(jobs_of_collection, jobs_that_end, true);
LB_BENCH(machines_unrelated, machines_that_start, false);
LB_BENCH(machines_of_cluster, machines_that_start, true);
#undef LB_BENCH

}  // namespace

BENCHMARK_MAIN();
