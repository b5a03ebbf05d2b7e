// The committer: a thread that makes accepted events durable, as many at once as came while the
// last sync ran (group commit). The invariant: an event is reported durable only after the sync of
// its lane. It owns the spool writer and rings interlogd's doorbell.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "common/spool/doorbell.h"
#include "common/spool/spool_writer.h"
#include "logd/daemon/logd_metrics.h"

namespace lb::logd {

// Whose event it was: a session's slot, or a file of the drop box.
struct Ticket {
    std::uint64_t owner = 0;
    std::uint64_t number = 0;

    bool operator==(const Ticket&) const = default;
};

struct CommitItem {
    Ticket ticket;
    spool::Destination destination;
    spool::Lane lane = spool::Lane::kBulk;
    std::string envelope;
};

struct Completion {
    Ticket ticket;
    Status status;
};

class Committer {
  public:
    // `doorbell` outlives the committer. Starts the thread. `wake_descriptor`: an eventfd that is
    // written to when completions are ready.
    Committer(env::Env& env, std::unique_ptr<spool::SpoolWriter> writer, spool::Doorbell& doorbell,
              int wake_descriptor, LogdMetrics& metrics);
    ~Committer();
    Committer(const Committer&) = delete;
    Committer& operator=(const Committer&) = delete;

    // Never blocks: the caller stops reading from producers while queued_bytes() is over its limit.
    void submit(std::vector<CommitItem> items);
    [[nodiscard]] std::size_t queued_bytes() const { return queued_bytes_.load(); }
    // When the commit that runs now began, monotonic; 0 when none runs.
    [[nodiscard]] std::uint64_t busy_since_us() const { return busy_since_us_.load(); }
    // What was finished since the last call.
    std::vector<Completion> take_completions();
    // Commits what is queued, seals the segments, ends the thread. Completions stay to be taken.
    void stop();

  private:
    void run();
    void commit(std::vector<CommitItem> items);
    void report(std::span<const spool::AppendItem> appends);

    env::Env& env_;
    std::unique_ptr<spool::SpoolWriter> writer_;  // the thread's own
    spool::Doorbell& doorbell_;
    int wake_descriptor_;
    LogdMetrics& metrics_;

    std::mutex mutex_;  // guards the three below
    std::condition_variable has_work_;
    std::vector<CommitItem> queue_;
    std::vector<Completion> completions_;
    bool is_stopping_ = false;

    std::atomic<std::size_t> queued_bytes_{0};
    std::atomic<std::uint64_t> busy_since_us_{0};
    std::thread thread_;
};

}  // namespace lb::logd
