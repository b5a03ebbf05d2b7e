#include "bkserver/app/settling.h"

#include <algorithm>
#include <chrono>

#include "common/env/env.h"
#include "common/metrics/metrics.h"

namespace lb::bkserver {

namespace {

// Among the writers of a server: no lane of ingest has it.
constexpr std::uint32_t kSettlingLane = 1003;
// A parent is counted again at the earliest after this: many children that change at once cost it a
// few counts.
constexpr auto kPauseLeast = std::chrono::milliseconds(200);
// Counting shall take no more than this part of the time.
constexpr int kPauseFactor = 4;

metrics::Registry& registry() {
    return metrics::Registry::global();
}

}  // namespace

Result<std::unique_ptr<Settling>> Settling::start(store::Database& database) {
    LB_TRY_ASSIGN(auto settler, book::Settler::open(database, kSettlingLane));
    std::unique_ptr<Settling> settling(new Settling(std::move(settler)));
    settling->thread_ = std::thread([raw = settling.get()] { raw->run(); });
    return settling;
}

Settling::~Settling() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
        wake_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
}

void Settling::run() {
    auto pause = kPauseLeast;
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, pause, [&] { return is_stopping_; })) {
        lock.unlock();
        const auto begin = std::chrono::steady_clock::now();
        const auto counted = settler_->settle_once(env::posix_env().now_us());
        const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
            std::chrono::steady_clock::now() - begin);
        report();
        // News that a count made for the parents above need not wait.
        const bool may_climb = counted.ok() && *counted > 0;
        pause = may_climb ? std::clamp(took * kPauseFactor, kPauseLeast / 10, kPauseLeast * 10)
                          : kPauseLeast;
        lock.lock();
    }
}

void Settling::report() {
    const book::SettlerCounters now = settler_->counters();
    registry()
        .counter("lb_bkserver_parents_counted_total", "Parents counted from their children.")
        .add(now.counted - reported_.counted);
    registry()
        .counter("lb_bkserver_children_counted_total", "Children looked at to count parents.")
        .add(now.children - reported_.children);
    registry()
        .counter("lb_bkserver_parents_changed_total", "State changes of parents written.")
        .add(now.changes - reported_.changes);
    registry()
        .counter("lb_bkserver_parents_unsettled_total",
                 "News of children left for a newer server, or for a repair by lbctl rebuild.")
        .add(now.unsettled - reported_.unsettled);
    reported_ = now;
}

}  // namespace lb::bkserver
