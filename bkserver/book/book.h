// The book: takes events into the store, exactly once in effect. One transaction a batch: events,
// registers, change rows, heartbeats and dead letters appear together or not at all, and a verdict
// is given only for what is committed. A Book belongs to one thread (a lane); several Books, in one
// server or in several, may write the same database.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bkserver/book/policy.h"
#include "bkserver/store/store.h"
#include "common/base/result.h"

namespace lb::book {

// An event at the server's door.
struct Arrived {
    std::string envelope;         // serialized lb.v1.Envelope, with its acceptance
    lb::v1::Identity forwarder;   // proven by TLS
    std::int64_t arrived_us = 0;  // server's clock
};

// "accepted", "duplicate", ...: in answers and as the label of metrics.
std::string_view verdict_word(lb::v1::Verdict verdict);

struct Settled {
    lb::v1::Verdict verdict = lb::v1::VERDICT_UNSPECIFIED;
    std::string reason;                // of a dead letter, for people
    store::ProcessNumber process = 0;  // that answers for the event; 0 when it is not stored
};

// Counted over the life of a Book; read by other threads through metrics only (counters()).
struct BookCounters {
    std::uint64_t transactions = 0;
    std::uint64_t conflicts = 0;  // repeated because another writer was faster
    std::uint64_t retries = 0;    // repeated because the database failed
    std::uint64_t splits = 0;     // halved to find the event that the database refuses
    std::uint64_t changes = 0;
    std::uint64_t cache_hits = 0;
    std::uint64_t cache_misses = 0;
};

struct BookOptions {
    std::string service;  // host:port of the process ids that this server keeps
    std::uint32_t lane = 0;
    std::size_t cached_processes = 20'000;
    std::size_t cached_bytes = std::size_t{128} << 20U;  // of memory that they take, about
    std::uint32_t attempts_max = 8;  // of one transaction before the caller is told kRetry
};

class Book {
  public:
    // `database` and `policy` outlive the book.
    static Result<std::unique_ptr<Book>> open(store::Database& database, const Policy& policy,
                                              BookOptions options);
    ~Book();
    Book(const Book&) = delete;
    Book& operator=(const Book&) = delete;

    // Settles at most limits::kTransactionEventsMax events; one Settled for each, in their order.
    // kRetry: the database is away, nothing is settled. An event that is at fault becomes a dead
    // letter and a verdict, never an error.
    Result<std::vector<Settled>> settle(std::span<const Arrived> events);

    // Puts a dead letter through settle() again; when it is taken the letter is marked replayed.
    Result<Settled> replay_dead_letter(std::uint64_t number);
    Status drop_dead_letter(std::uint64_t number);

    [[nodiscard]] BookCounters counters() const;

  private:
    class Impl;
    explicit Book(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace lb::book
