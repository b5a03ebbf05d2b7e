// The lanes: bounded queues between the connections and the book, one thread and one Book each.
// Events of one process go to one lane, so that lanes hardly ever meet in the database. A lane
// settles whatever waits when it is free, from one event to a whole batch: group commit over all
// connections, whose size follows the backlog by itself. Nothing is told to a receiver before it is
// committed.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "bkserver/book/book.h"
#include "common/base/limits.h"
#include "common/base/result.h"
#include "common/metrics/metrics.h"

namespace lb::ingest {

// An event that is settled, by the ticket that its sender gave it.
struct Outcome {
    std::uint64_t ticket = 0;
    book::Settled settled;
};

// Who waits for outcomes. Called by the threads of the lanes; kept alive until all are told.
class Receiver {
  public:
    virtual ~Receiver() = default;
    virtual void on_settled(std::span<const Outcome> outcomes) = 0;
};

struct LaneOptions {
    std::uint32_t lanes = 2;
    std::size_t queue_events_max = 50'000;  // over all lanes
    std::size_t queue_bytes_max = 128 * 1024 * 1024;
    std::size_t batch_events_max = limits::kTransactionEventsMax;  // of one transaction
    std::size_t batch_bytes_max = 8 * 1024 * 1024;
    book::BookOptions book;
    // Told what goes wrong, for the log: called by any thread.
    std::function<void(const std::string&)> on_message = [](const std::string&) {};
};

// How much may still be sent. Zero pauses senders.
struct Room {
    std::size_t events = 0;
    std::size_t bytes = 0;
};

class Lanes {
  public:
    // `database` and `policy` outlive the lanes; metrics go to `registry`.
    static Result<std::unique_ptr<Lanes>> start(store::Database& database,
                                                const book::Policy& policy, LaneOptions options,
                                                metrics::Registry& registry);
    ~Lanes();
    Lanes(const Lanes&) = delete;
    Lanes& operator=(const Lanes&) = delete;

    // Stops after the transactions that run; what waits is not settled, its receivers hear nothing.
    // From then on there is no room for anything.
    void stop();

    // False when the queues are full: nothing was taken. Never waits. The last event that is taken
    // may be larger than the room.
    bool submit(book::Arrived event, std::shared_ptr<Receiver> receiver, std::uint64_t ticket);
    [[nodiscard]] Room room() const;
    [[nodiscard]] std::uint64_t settled_last_hour() const;
    // Whether the last transactions found the database.
    [[nodiscard]] bool is_database_there() const { return lanes_without_database_ == 0; }

  private:
    struct Waiting {
        book::Arrived event;
        std::shared_ptr<Receiver> receiver;
        std::uint64_t ticket = 0;
        std::string subject;
    };
    struct Lane {
        Lane(std::size_t number_, metrics::Counter& events_) : number(number_), events(events_) {}
        const std::size_t number;
        metrics::Counter& events;
        std::unique_ptr<book::Book> book;
        std::deque<Waiting> queue;  // under mutex
        std::mutex mutex;
        std::condition_variable wake;
        book::BookCounters reported;
        std::thread thread;
    };
    struct Metrics;

    Lanes(LaneOptions options, metrics::Registry& registry);
    void begin(Lane& lane);
    void run(Lane& lane);
    bool take_batch(Lane& lane, std::vector<Waiting>& batch);
    bool settle(Lane& lane, std::vector<Waiting>& batch);
    void tell(std::vector<Waiting>& batch, std::vector<book::Settled> settled);
    void learn_routes(const Lane& lane, const std::vector<Waiting>& batch,
                      const std::vector<book::Settled>& settled);
    std::size_t hashed_lane_of(const std::string& subject) const;
    std::size_t lane_of(const std::string& subject);
    void report(Lane& lane);
    void tell_full();

    LaneOptions options_;
    std::unique_ptr<Metrics> metrics_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    std::atomic<std::size_t> queued_events_ = 0;
    std::atomic<std::size_t> queued_bytes_ = 0;
    std::atomic<std::int64_t> full_told_us_ = 0;
    std::atomic<bool> is_stopping_ = false;
    std::atomic<std::uint32_t> lanes_without_database_ = 0;
    std::mutex routes_mutex_;
    std::unordered_map<store::ProcessNumber, std::size_t> homes_;  // the lane of a process
    std::unordered_map<std::string, std::size_t> detours_;  // of subjects whose hash tells another
};

}  // namespace lb::ingest
