// Two servers on one database, and the ways in which the events of a life may reach them.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "tests/unit/bkserver_book/desk.h"

namespace lb::test {

class TwoServers {
  public:
    // Round 0: in order, to one server. Round 1: half of them twice, in any order. From round 2 on:
    // so as well, to both servers at once.
    void deliver(std::vector<book::Arrived> arrivals, unsigned seed, unsigned round) {
        std::mt19937 random(seed * 100 + round);
        if (round > 0) {
            const std::size_t half = arrivals.size() / 2;
            for (std::size_t i = 0; i < half; ++i) arrivals.push_back(arrivals[i]);
            std::shuffle(arrivals.begin(), arrivals.end(), random);
        }
        if (round < 2) return settle_in_batches(*desk.book, arrivals, seed + round);
        const std::span<const book::Arrived> all = arrivals;
        const std::size_t middle = all.size() / 2;
        std::thread other([&] { settle_in_batches(*book_, all.subspan(middle), seed); });
        settle_in_batches(*desk.book, all.first(middle), seed + 7);
        other.join();
    }

    Desk desk;
    std::unique_ptr<store::Database> second_database = desk.open_database("second");

  private:
    static constexpr std::size_t kBatchMost = 12;
    // Two servers get in each other's way now and then; more than that is a lock for ever.
    static constexpr int kRetriesMax = 50;

    static void settle_in_batches(book::Book& book, std::span<const book::Arrived> arrivals,
                                  unsigned seed) {
        std::mt19937 random(seed);
        int retries = 0;
        while (!arrivals.empty()) {
            const std::size_t count = std::min(1 + random() % kBatchMost, arrivals.size());
            const auto settled = book.settle(arrivals.first(count));
            if (settled.ok()) {
                arrivals = arrivals.subspan(count);
            } else if (settled.error().code != ErrorCode::kRetry || ++retries > kRetriesMax) {
                std::fprintf(stderr, "settling failed: %s\n", settled.error().text.c_str());
                std::abort();
            }
        }
    }

    std::unique_ptr<book::Book> book_ = desk.open_book(*second_database, 1);
};

}  // namespace lb::test
