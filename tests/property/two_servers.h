// Two servers on one database, and the ways in which the events of a life may reach them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/bkserver_book/desk.h"

namespace lb::test {

struct Way {
    const char* name;
    unsigned seed = 0;             // each way has other orders and batches
    bool is_in_order = false;      // else half of them come twice, and all in any order
    bool has_two_servers = false;  // both at once, else one
    bool has_restarts = false;     // of servers, between any two batches
};

// The first is the one that nothing disturbs.
inline constexpr Way kWays[] = {
    {.name = "in order", .is_in_order = true},
    {.name = "in any order", .seed = 1},
    {.name = "over restarts", .seed = 2, .has_restarts = true},
    {.name = "to two servers", .seed = 3, .has_two_servers = true},
    {.name = "to two servers, over restarts",
     .seed = 4,
     .has_two_servers = true,
     .has_restarts = true},
};

// May end and start again at any time. Two of them work at once, and Catch's checks are not made
// for that: one that cannot go on ends the program.
class Server {
  public:
    Server(const Desk& desk, std::string instance) : desk_(desk), instance_(std::move(instance)) {
        open();
    }

    void settle_in_batches(std::span<const book::Arrived> arrivals, std::uint_fast32_t seed,
                           bool has_restarts) {
        std::mt19937 random(seed);
        for (std::size_t done = 0; done < arrivals.size();) {
            const std::size_t count = std::min(1 + random() % kBatchMost, arrivals.size() - done);
            settle(arrivals.subspan(done, count));
            done += count;
            if (!has_restarts || random() % kBatchesPerRestart != 0) continue;
            open();
            // Whoever sent them has not heard the verdicts: they come again.
            if (random() % 2 == 0) done -= count;
        }
    }

  private:
    static constexpr std::size_t kBatchMost = 12;
    static constexpr unsigned kBatchesPerRestart = 4;
    // Two servers get in each other's way now and then; more than that is a lock for ever.
    static constexpr int kRetriesMax = 50;

    template <typename T>
    static T value_of(Result<T> result) {
        if (!result.ok()) give_up(result.error());
        return std::move(*result);
    }
    [[noreturn]] static void give_up(const Error& error) {
        std::fprintf(stderr, "a server cannot go on: %s\n", error.text.c_str());
        std::abort();
    }

    // Nothing is left of the one before but what its store holds.
    void open() {
        book_.reset();
        database_.reset();
        database_ =
            value_of(store::mariadb::MariadbDatabase::open({desk_.dsn(), instance_, kService}));
        book_ = value_of(book::Book::open(*database_, desk_.policy, {.service = kService}));
    }
    void settle(std::span<const book::Arrived> batch) {
        for (int retries = 0;; ++retries) {
            const auto settled = book_->settle(batch);
            if (settled.ok()) return;
            if (settled.error().code != ErrorCode::kRetry || retries == kRetriesMax)
                give_up(settled.error());
        }
    }

    const Desk& desk_;
    const std::string instance_;
    std::unique_ptr<store::Database> database_;
    std::unique_ptr<book::Book> book_;
};

class TwoServers {
  public:
    explicit TwoServers(const Way& way) : way_(way) {}

    void deliver(std::vector<book::Arrived> arrivals, unsigned life) {
        std::mt19937 random(life * std::size(kWays) + way_.seed);
        if (!way_.is_in_order) {
            const std::size_t half = arrivals.size() / 2;
            for (std::size_t i = 0; i < half; ++i) arrivals.push_back(arrivals[i]);
            std::shuffle(arrivals.begin(), arrivals.end(), random);
        }
        const std::span<const book::Arrived> all = arrivals;
        const std::size_t middle = way_.has_two_servers ? all.size() / 2 : all.size();
        std::thread other([&, seed = random()] {
            other_.settle_in_batches(all.subspan(middle), seed, way_.has_restarts);
        });
        one_.settle_in_batches(all.first(middle), random(), way_.has_restarts);
        other.join();
    }

    const Desk desk;  // looks at what they have stored

  private:
    const Way& way_;
    Server one_{desk, "one"};
    Server other_{desk, "other"};
};

}  // namespace lb::test
