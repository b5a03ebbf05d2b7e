#include "logd/daemon/committer.h"

#include <unistd.h>

#include <iterator>

#include "logd/daemon/messages.h"

namespace lb::logd {

Committer::Committer(env::Env& env, std::unique_ptr<spool::SpoolWriter> writer,
                     spool::Doorbell& doorbell, int wake_descriptor, LogdMetrics& metrics)
    : env_(env),
      writer_(std::move(writer)),
      doorbell_(doorbell),
      wake_descriptor_(wake_descriptor),
      metrics_(metrics),
      thread_([this] { run(); }) {}

Committer::~Committer() {
    stop();
}

void Committer::stop() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
    }
    has_work_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void Committer::submit(std::vector<CommitItem> items) {
    if (items.empty()) return;
    std::size_t bytes = 0;
    for (const CommitItem& item : items) bytes += item.envelope.size();
    queued_bytes_ += bytes;
    {
        const std::lock_guard lock(mutex_);
        if (queue_.empty())
            queue_ = std::move(items);
        else
            queue_.insert(queue_.end(), std::make_move_iterator(items.begin()),
                          std::make_move_iterator(items.end()));
    }
    has_work_.notify_one();
}

std::vector<Completion> Committer::take_completions() {
    const std::lock_guard lock(mutex_);
    return std::exchange(completions_, {});
}

void Committer::run() {
    for (;;) {
        std::vector<CommitItem> items;
        {
            std::unique_lock lock(mutex_);
            has_work_.wait(lock, [this] { return is_stopping_ || !queue_.empty(); });
            if (queue_.empty()) break;
            items.swap(queue_);
        }
        commit(std::move(items));
    }
    // A segment without its seal is as good: the seal only spares the reader a look.
    (void)writer_->close();
}

void Committer::commit(std::vector<CommitItem> items) {
    std::vector<spool::AppendItem> appends;
    appends.reserve(items.size());
    std::size_t bytes = 0;
    for (const CommitItem& item : items) {
        appends.push_back({&item.destination, item.lane, item.envelope, {}});
        bytes += item.envelope.size();
    }
    busy_since_us_ = env_.monotonic_us();
    const auto grown = writer_->append(appends);
    metrics_.commit_seconds.observe_us(
        static_cast<std::int64_t>(env_.monotonic_us() - busy_since_us_));
    busy_since_us_ = 0;
    queued_bytes_ -= bytes;
    report(appends);
    {
        const std::lock_guard lock(mutex_);
        for (std::size_t i = 0; i < items.size(); ++i)
            completions_.push_back({items[i].ticket, std::move(appends[i].status)});
    }
    const std::uint64_t one = 1;
    (void)!::write(wake_descriptor_, &one, sizeof one);  // full = the reader is awake already
    if (grown.empty()) return;
    spool::Ring ring;
    ring.grown = grown;
    (void)doorbell_.ring(ring);  // interlogd also polls
}

void Committer::report(std::span<const spool::AppendItem> appends) {
    std::size_t failed = 0;
    const Error* reason = nullptr;
    for (const spool::AppendItem& item : appends) {
        if (item.status.ok()) continue;
        ++failed;
        reason = &item.status.error();
    }
    metrics_.commits.add();
    metrics_.events_durable.add(appends.size() - failed);
    metrics_.durable_last_hour.add(appends.size() - failed);
    metrics_.events_failed.add(failed);
    metrics_.queue_bytes.set(static_cast<std::int64_t>(queued_bytes()));
    if (reason != nullptr) log::write(kCommitFailed, failed, appends.size(), reason->text);
}

}  // namespace lb::logd
