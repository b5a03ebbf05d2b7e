// The processes that bench_query asks about: machines of a few owners on a few hosts, with lives of
// so many events each. Some thousands of them go through the book; for a large database their rows
// are then copied (query_copies.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bkserver/authz/policy.h"
#include "bkserver/store/store.h"
#include "tests/bench/book_bench.h"

namespace lb::bench {

struct Size {
    int processes = 20'000;  // that go through the book
    int copies = 1;          // each is there so many times
    int events = 4;          // of each

    [[nodiscard]] int all() const { return processes * copies; }
    [[nodiscard]] int owners() const { return all() < 100'000 ? 20 : 100; }
    [[nodiscard]] int hosts() const { return all() < 100'000 ? 100 : 1000; }
    // Between the first events of the first process and their successors.
    [[nodiscard]] double round_s() const { return std::max(3600.0, all() * 0.01); }
};

std::string id_of(const std::string& process);
// By the name of its copy; the first one is the process itself.
std::string name_of(int process, int copy);

// Event `round` of a life. 100 events of all processes fall into each second.
book::Arrived event_of(const Size& size, int process, int round, const std::string& name);
// Whole lives of `count` processes that are not there yet, round after round.
std::vector<book::Arrived> fresh_lives(const Size& size, int count);
// Of a process that nothing else is known of.
book::Arrived fresh_registration(const Size& size);

// Settles the lives of size.processes; returns events a second.
double fill(store::Database& database, const authz::Policy& policy, const Size& size);

}  // namespace lb::bench
