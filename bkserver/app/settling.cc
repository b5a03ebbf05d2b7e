#include "bkserver/app/settling.h"

#include <algorithm>
#include <chrono>

#include "common/app/messages.h"
#include "common/base/guard.h"
#include "common/env/env.h"
#include "common/metrics/metrics.h"

namespace lb::bkserver {

namespace {

// Among the writers of a server: no lane of ingest has it.
constexpr std::uint32_t kSettlingLane = 1003;
constexpr std::uint32_t kLookoutLane = 1004;
constexpr std::int64_t kLookPeriodUs = 1'000'000;
// A parent is counted again at the earliest after this: many children that change at once cost it a
// few counts.
constexpr auto kPauseLeast = std::chrono::milliseconds(200);
// Counting shall take no more than this part of the time.
constexpr int kPauseFactor = 4;

metrics::Registry& registry() {
    return metrics::Registry::global();
}

std::int64_t monotonic_us() {
    return static_cast<std::int64_t>(env::posix_env().monotonic_us());
}

}  // namespace

Result<std::unique_ptr<Settling>> Settling::start(store::Database& database) {
    LB_TRY_ASSIGN(auto settler, book::Settler::open(database, kSettlingLane));
    LB_TRY_ASSIGN(auto lookout, book::Lookout::open(database, kLookoutLane));
    std::unique_ptr<Settling> settling(new Settling(std::move(settler), std::move(lookout)));
    settling->thread_ = std::thread([raw = settling.get()] { raw->run(); });
    return settling;
}

Settling::Settling(std::unique_ptr<book::Settler> settler, std::unique_ptr<book::Lookout> lookout)
    : settler_(std::move(settler)), lookout_(std::move(lookout)), began_us_(monotonic_us()) {}

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
        pause = kPauseLeast;
        const Status settled = guarded([&] { pause = settle(); });
        if (!settled.ok()) log::write(app::kDefect, "counting parents", settled.error().text);
        lock.lock();
    }
}

// Returns how long to wait for the next round.
std::chrono::milliseconds Settling::settle() {
    const auto begin = std::chrono::steady_clock::now();
    const auto counted = settler_->settle_once(env::posix_env().now_us());
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begin);
    look();
    report();
    // News that a count made for the parents above need not wait.
    const bool may_climb = counted.ok() && *counted > 0;
    return may_climb ? std::clamp(took * kPauseFactor, kPauseLeast / 10, kPauseLeast * 10)
                     : kPauseLeast;
}

// While this server was away nobody heard the loggers: it says who is silent once it has listened
// for as long as that takes.
void Settling::look() {
    const std::int64_t now_us = monotonic_us();
    if (now_us < looked_at_us_ + kLookPeriodUs) return;
    looked_at_us_ = now_us;
    state::ViewInput listening;
    listening.now_us = now_us;
    const bool knows_loggers = listening.silent_at_us() >= began_us_;
    // A database that is away is told of by whoever needs it more.
    (void)lookout_->look_once(env::posix_env().now_us(), knows_loggers);
}

void Settling::report() {
    const auto add = [](std::string_view name, std::string_view help, std::uint64_t count) {
        registry().counter(name, help).add(count);
    };
    const book::LookoutCounters looks = lookout_->counters();
    add("lb_bkserver_due_looks_total", "Processes looked at because it was time.",
        looks.looks - reported_looks_.looks);
    add("lb_bkserver_concern_changes_total",
        "Disagreements and stale hosts of processes that appeared or disappeared.",
        looks.changes - reported_looks_.changes);
    add("lb_bkserver_loggers_turned_total", "Times that a logger fell silent or was heard again.",
        looks.turned - reported_looks_.turned);
    add("lb_bkserver_due_conflicts_total", "Looks repeated because another server was faster.",
        looks.conflicts - reported_looks_.conflicts);
    reported_looks_ = looks;
    const book::SettlerCounters now = settler_->counters();
    add("lb_bkserver_parents_counted_total", "Parents counted from their children.",
        now.counted - reported_.counted);
    add("lb_bkserver_children_counted_total", "Children looked at to count parents.",
        now.children - reported_.children);
    add("lb_bkserver_parents_changed_total", "State changes of parents written.",
        now.changes - reported_.changes);
    add("lb_bkserver_parents_unsettled_total",
        "News of children left for a newer server, or for a repair by lbctl rebuild.",
        now.unsettled - reported_.unsettled);
    reported_ = now;
}

}  // namespace lb::bkserver
