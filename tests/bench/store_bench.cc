// The book beside the bare bulk insert of the same rows into the same tables: how much of the
// database's speed is left when states are computed.
#include <benchmark/benchmark.h>

#include "bkserver/authz/policy.h"
#include "bkserver/state/engine.h"
#include "common/base/limits.h"
#include "common/event/order_key.h"
#include "common/event/process_id.h"
#include "tests/bench/book_bench.h"
#include "tests/support/event_builder.h"

namespace {

using namespace lb;
using bench::fresh_database;
using bench::kService;
using bench::must;
using bench::settle;

constexpr int kProcesses = 2000;
constexpr std::size_t kBatch = limits::kTransactionEventsMax;

std::string id_of(int process) {
    return "https://" + std::string(kService) + "/process" + std::to_string(process);
}

// Event `number` of the load: 20 a process, round-robin.
book::Arrived event_of(int number) {
    constexpr event::EventType kTypes[] = {event::EventType::kVMBoot, event::EventType::kVMRunning,
                                           event::EventType::kVMStop};
    const int process = number % kProcesses;
    const int round = number / kProcesses;
    const bool is_registration = round == 0;
    test::EventBuilder built(
        is_registration ? event::EventType::kRegJob : kTypes[round % 3],
        is_registration ? event::Source::kUserInterface : event::Source::kVmManager,
        id_of(process));
    built.at(round).counter(static_cast<std::uint64_t>(number) + 1);
    if (is_registration)
        built.field("jobtype", "VIRTUAL_MACHINE").field("jdl", std::string(200, 'p'));
    else
        built.field("hostname", "node1.example.org");
    return built.arrived();
}

std::vector<book::Arrived> load_of(int events) {
    std::vector<book::Arrived> load;
    for (int i = 0; i < events; ++i) load.push_back(event_of(i));
    return load;
}

void settle_all(benchmark::State& state) {
    const int events = static_cast<int>(state.range(0));
    const auto load = load_of(events);
    const authz::Policy policy(authz::Policy::open_to_all(), {});
    for (auto _ : state) {
        state.PauseTiming();
        const auto database = fresh_database();
        const auto book = must(book::Book::open(*database, policy, {.service = kService}));
        state.ResumeTiming();
        settle(*book, load, kBatch);
    }
    state.SetItemsProcessed(state.iterations() * events);
}

// What the book wrote for the same load, written again without thinking: read out of its database.
struct Rows {
    std::vector<store::Subject> subjects;
    std::vector<store::Process> processes;
    std::vector<store::Event> events;
};

Rows rows_of(int events) {
    const auto load = load_of(events);
    const authz::Policy policy(authz::Policy::open_to_all(), {});
    const auto database = fresh_database();
    const auto book = must(book::Book::open(*database, policy, {.service = kService}));
    settle(*book, load, kBatch);
    Rows rows;
    const auto reader = must(database->open_reader());
    for (int i = 0; i < kProcesses && i < events; ++i) {
        auto process = must(reader->find_process(id_of(i)));
        for (const auto& subject : must(reader->subjects_of(process->number)))
            rows.subjects.push_back(subject);
        for (auto& event : must(reader->read_history(process->number, {}, 1000)).events)
            rows.events.push_back(std::move(event));
        rows.processes.push_back(std::move(*process));
    }
    std::sort(rows.events.begin(), rows.events.end(),
              [](const auto& a, const auto& b) { return a.arrival < b.arrival; });
    return rows;
}

void insert_all(benchmark::State& state) {
    const int events = static_cast<int>(state.range(0));
    const Rows rows = rows_of(events);
    for (auto _ : state) {
        state.PauseTiming();
        const auto database = fresh_database();
        const auto writer = must(database->open_writer(0));
        state.ResumeTiming();
        must(writer->begin());
        must(writer->add_subjects(rows.subjects));
        must(writer->add_processes(rows.processes));
        must(writer->commit());
        for (std::size_t at = 0; at < rows.events.size(); at += kBatch) {
            must(writer->begin());
            must(writer->add_events(
                std::span(rows.events).subspan(at, std::min(kBatch, rows.events.size() - at))));
            must(writer->commit());
        }
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows.events.size()));
}

BENCHMARK(insert_all)->Arg(40'000)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(settle_all)->Arg(40'000)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
