#include "tests/bench/query_lives.h"

#include <atomic>
#include <chrono>

#include "common/base/encoding.h"
#include "common/event/event_id.h"
#include "tests/support/event_builder.h"

namespace lb::bench {

namespace {

using event::EventType;

constexpr std::size_t kBatch = 1000;

EventType type_of(const Size& size, int process, int round) {
    if (round == 0) return EventType::kRegJob;
    if (round == 1) return EventType::kVMBoot;
    // Two of three machines run on.
    if (round == size.events - 1 && process % 3 == 0) return EventType::kVMStop;
    return round % 2 == 0 || round == size.events - 1 ? EventType::kVMRunning
                                                      : EventType::kVMSuspend;
}

std::uint64_t next_counter() {
    static std::atomic<std::uint64_t> counter = 0;
    return ++counter;
}

std::string fresh_name() {
    static const std::string run = to_hex(event::new_event_id());
    static std::atomic<int> number = 0;
    return run + std::to_string(number++);
}

}  // namespace

std::string id_of(const std::string& process) {
    return "https://" + std::string(kService) + "/" + process;
}

std::string name_of(int process, int copy) {
    std::string name = "process" + std::to_string(process);
    if (copy > 0) name += "-" + std::to_string(copy);
    return name;
}

book::Arrived event_of(const Size& size, int process, int round, const std::string& name) {
    test::EventBuilder built(type_of(size, process, round),
                             round == 0 ? event::Source::kUserInterface : event::Source::kVmManager,
                             id_of(name));
    built.at(round * size.round_s() + process * 0.01 * size.copies).counter(next_counter());
    built.uid(static_cast<std::uint32_t>(1000 + process % size.owners()));
    if (round == 0) {
        built.field("jobtype", "VIRTUAL_MACHINE").field("jdl", std::string(200, 'p'));
    } else {
        const std::string host = "n" + std::to_string(process % size.hosts()) + ".example.org";
        built.host(host).field("hostname", host);
    }
    return built.arrived();
}

std::vector<book::Arrived> fresh_lives(const Size& size, int count) {
    std::vector<std::string> names;
    for (int i = 0; i < count; ++i) names.push_back(fresh_name());
    std::vector<book::Arrived> lives;
    for (int round = 0; round < size.events; ++round)
        for (int i = 0; i < count; ++i)
            lives.push_back(event_of(size, i, round, names[static_cast<std::size_t>(i)]));
    return lives;
}

book::Arrived fresh_registration(const Size& size) {
    return event_of(size, 0, 0, fresh_name());
}

double fill(store::Database& database, const authz::Policy& policy, const Size& size) {
    const auto book = must(book::Book::open(database, policy, {.service = kService}));
    const auto begin = std::chrono::steady_clock::now();
    std::vector<book::Arrived> batch;
    for (int round = 0; round < size.events; ++round)
        for (int process = 0; process < size.processes; ++process) {
            batch.push_back(event_of(size, process, round, name_of(process, 0)));
            if (batch.size() < kBatch) continue;
            must(book->settle(batch));
            batch.clear();
        }
    if (!batch.empty()) must(book->settle(batch));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    return static_cast<double>(size.processes) * size.events / took.count();
}

}  // namespace lb::bench
