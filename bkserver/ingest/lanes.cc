#include "bkserver/ingest/lanes.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>

#include "common/base/assert.h"
#include "common/base/guard.h"
#include "common/env/env.h"
#include "common/metrics/hour_count.h"
#include "lb/v1/envelope.pb.h"

namespace lb::ingest {

namespace {

// Processes whose lane is known; when there are more, all are forgotten and learnt again.
constexpr std::size_t kHomesMax = 200'000;
// Between two messages that the queues are full.
constexpr auto kFullInterval = std::chrono::microseconds(std::chrono::minutes(1));
// Pause of a lane whose database is away: doubles from the least to the most.
constexpr auto kPauseLeast = std::chrono::milliseconds(100);
constexpr auto kPauseMost = std::chrono::milliseconds(5000);

constexpr std::array kVerdicts = {lb::v1::VERDICT_ACCEPTED,     lb::v1::VERDICT_DUPLICATE,
                                  lb::v1::VERDICT_UNKNOWN_TYPE, lb::v1::VERDICT_UNREGISTERED,
                                  lb::v1::VERDICT_DENIED,       lb::v1::VERDICT_MALFORMED,
                                  lb::v1::VERDICT_CONFLICT};

std::string subject_of(std::string_view envelope_bytes) {
    lb::v1::Envelope envelope;
    // What does not parse goes anywhere: the book will say what is wrong with it.
    if (!envelope.ParseFromArray(envelope_bytes.data(), static_cast<int>(envelope_bytes.size())))
        return {};
    return envelope.subject();
}

}  // namespace

struct Lanes::Metrics {
    explicit Metrics(metrics::Registry& registry)
        : queued_events(
              registry.gauge("lb_bkserver_ingest_queued_events", "Events that wait for a lane.")),
          queued_bytes(registry.gauge("lb_bkserver_ingest_queued_bytes",
                                      "Bytes of events that wait for a lane.")),
          refused(registry.counter("lb_bkserver_ingest_refused_total",
                                   "Events sent back because the queues were full.")),
          transactions(registry.counter("lb_bkserver_transactions_total",
                                        "Transactions of ingest that were committed.")),
          conflicts(registry.counter("lb_bkserver_conflicts_total",
                                     "Transactions repeated because another writer was faster.")),
          retries(registry.counter("lb_bkserver_retries_total",
                                   "Transactions repeated because the database failed.")),
          splits(registry.counter("lb_bkserver_splits_total",
                                  "Batches halved to find an event that the database refuses.")),
          changes(registry.counter("lb_bkserver_changes_total", "State changes written.")),
          settle_seconds(
              registry.histogram("lb_bkserver_settle_seconds", "Time to settle one batch.")) {
        for (const lb::v1::Verdict verdict : kVerdicts) {
            const std::string word(book::verdict_word(verdict));
            events.push_back(&registry.counter("lb_bkserver_events_total",
                                               "Events settled, by verdict.", {{"verdict", word}}));
        }
    }

    void count(lb::v1::Verdict verdict) {
        for (std::size_t i = 0; i < kVerdicts.size(); ++i)
            if (kVerdicts[i] == verdict) events[i]->add();
        last_hour.add(1);
    }

    metrics::Gauge& queued_events;
    metrics::Gauge& queued_bytes;
    metrics::Counter& refused;
    metrics::Counter& transactions;
    metrics::Counter& conflicts;
    metrics::Counter& retries;
    metrics::Counter& splits;
    metrics::Counter& changes;
    metrics::Histogram& settle_seconds;
    std::vector<metrics::Counter*> events;  // as kVerdicts
    metrics::HourCount last_hour;
};

Lanes::Lanes(LaneOptions options, metrics::Registry& registry)
    : options_(std::move(options)), metrics_(std::make_unique<Metrics>(registry)) {}

Result<std::unique_ptr<Lanes>> Lanes::start(store::Database& database, const book::Policy& policy,
                                            LaneOptions options, metrics::Registry& registry) {
    LB_ASSERT(options.lanes > 0 && options.batch_events_max <= limits::kTransactionEventsMax);
    std::unique_ptr<Lanes> lanes(new Lanes(std::move(options), registry));
    for (std::uint32_t i = 0; i < lanes->options_.lanes; ++i) {
        book::BookOptions book_options = lanes->options_.book;
        book_options.lane = i;
        auto lane = std::make_unique<Lane>(
            i, registry.counter("lb_bkserver_lane_events_total", "Events settled, by lane.",
                                {{"lane", std::to_string(i)}}));
        LB_TRY_ASSIGN(lane->book, book::Book::open(database, policy, book_options));
        lanes->lanes_.push_back(std::move(lane));
    }
    for (const auto& lane : lanes->lanes_)
        lane->thread = std::thread([raw = lanes.get(), &lane = *lane] { raw->begin(lane); });
    return lanes;
}

Lanes::~Lanes() {
    stop();
}

void Lanes::stop() {
    is_stopping_ = true;
    for (const auto& lane : lanes_) {
        {
            const std::lock_guard lock(lane->mutex);
            lane->wake.notify_all();
        }
        if (lane->thread.joinable()) lane->thread.join();
    }
}

std::uint64_t Lanes::settled_last_hour() const {
    return metrics_->last_hour.value();
}

Room Lanes::room() const {
    if (is_stopping_) return {};
    const std::size_t events = queued_events_;
    const std::size_t bytes = queued_bytes_;
    return {options_.queue_events_max - std::min(events, options_.queue_events_max),
            options_.queue_bytes_max - std::min(bytes, options_.queue_bytes_max)};
}

std::size_t Lanes::hashed_lane_of(const std::string& subject) const {
    return std::hash<std::string>{}(subject) % lanes_.size();
}

std::size_t Lanes::lane_of(const std::string& subject) {
    const std::lock_guard lock(routes_mutex_);
    const auto detour = detours_.find(subject);
    return detour == detours_.end() ? hashed_lane_of(subject) : detour->second;
}

bool Lanes::submit(book::Arrived event, std::shared_ptr<Receiver> receiver, std::uint64_t ticket) {
    const std::size_t bytes = event.envelope.size();
    const Room left = room();
    if (left.events == 0 || left.bytes == 0) {
        metrics_->refused.add();
        tell_full();
        return false;
    }
    queued_events_ += 1;
    queued_bytes_ += bytes;
    metrics_->queued_events.add(1);
    metrics_->queued_bytes.add(static_cast<std::int64_t>(bytes));
    std::string subject = subject_of(event.envelope);
    Lane& lane = *lanes_[lane_of(subject)];
    const std::lock_guard lock(lane.mutex);
    lane.queue.push_back({std::move(event), std::move(receiver), ticket, std::move(subject)});
    lane.wake.notify_one();
    return true;
}

// Once in a while: peers that are told to wait ask again and again.
void Lanes::tell_full() {
    const auto now_us = static_cast<std::int64_t>(env::posix_env().monotonic_us());
    std::int64_t told_us = full_told_us_;
    if (told_us != 0 && now_us - told_us < kFullInterval.count()) return;
    if (!full_told_us_.compare_exchange_strong(told_us, now_us)) return;
    options_.on_message(
        "the queues are full (" + std::to_string(options_.queue_events_max) + " events, " +
        std::to_string(options_.queue_bytes_max) +
        " bytes at most), forwarders keep what they have: events come faster than the database "
        "takes them; queue_events_max and queue_bytes_max give more room");
}

// Waits for events. False when there will be no more.
bool Lanes::take_batch(Lane& lane, std::vector<Waiting>& batch) {
    std::unique_lock lock(lane.mutex);
    lane.wake.wait(lock, [&] { return is_stopping_ || !lane.queue.empty(); });
    if (is_stopping_) return false;
    std::size_t bytes = 0;
    while (!lane.queue.empty() && batch.size() < options_.batch_events_max) {
        bytes += lane.queue.front().event.envelope.size();
        if (!batch.empty() && bytes > options_.batch_bytes_max) break;
        batch.push_back(std::move(lane.queue.front()));
        lane.queue.pop_front();
    }
    return true;
}

// The book turns what an event throws into its verdict. Whatever else is thrown leaves events
// without one: who watches over us starts us again, and they are sent again.
void Lanes::begin(Lane& lane) {
    const Status ran = guarded([&] { run(lane); });
    if (ran.ok()) return;
    options_.on_message("a lane ended by a defect, report it: " + ran.error().text);
    std::abort();
}

void Lanes::run(Lane& lane) {
    std::vector<Waiting> batch;
    while (take_batch(lane, batch)) {
        if (!settle(lane, batch)) return;
        batch.clear();
    }
}

// Tries until the database is there. False when the lanes stop before.
bool Lanes::settle(Lane& lane, std::vector<Waiting>& batch) {
    std::vector<book::Arrived> events;
    events.reserve(batch.size());
    for (Waiting& waiting : batch) events.push_back(std::move(waiting.event));
    auto pause = kPauseLeast;
    bool is_away = false;
    for (;;) {
        const auto begin_us = static_cast<std::int64_t>(env::posix_env().monotonic_us());
        auto settled = lane.book->settle(events);
        report(lane);
        if (settled.ok()) {
            const auto end_us = static_cast<std::int64_t>(env::posix_env().monotonic_us());
            metrics_->settle_seconds.observe_us(end_us - begin_us);
            if (is_away) --lanes_without_database_;
            for (std::size_t i = 0; i < batch.size(); ++i) batch[i].event = std::move(events[i]);
            learn_routes(lane, batch, *settled);
            lane.events.add(batch.size());
            tell(batch, std::move(*settled));
            return true;
        }
        if (!is_away) ++lanes_without_database_;
        is_away = true;
        options_.on_message("events wait for the database: " + settled.error().text);
        std::unique_lock lock(lane.mutex);
        lane.wake.wait_for(lock, pause, [&] { return is_stopping_.load(); });
        if (is_stopping_) return false;
        pause = std::min(pause * 2, kPauseMost);
    }
}

// A process stays in the lane that settled it first; its other names follow it there. Nothing that
// waits in one lane is overtaken in another one, but what comes while two names of a process meet.
void Lanes::learn_routes(const Lane& lane, const std::vector<Waiting>& batch,
                         const std::vector<book::Settled>& settled) {
    const std::lock_guard lock(routes_mutex_);
    if (homes_.size() > kHomesMax || detours_.size() > kHomesMax) {
        homes_.clear();
        detours_.clear();
    }
    for (std::size_t i = 0; i < batch.size(); ++i) {
        if (settled[i].process == 0) continue;
        const std::size_t home = homes_.try_emplace(settled[i].process, lane.number).first->second;
        if (home != hashed_lane_of(batch[i].subject)) detours_[batch[i].subject] = home;
    }
}

// One call for each receiver, with its outcomes in the order in which it gave them.
void Lanes::tell(std::vector<Waiting>& batch, std::vector<book::Settled> settled) {
    std::size_t bytes = 0;
    std::unordered_map<Receiver*, std::vector<Outcome>> outcomes;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        bytes += batch[i].event.envelope.size();
        metrics_->count(settled[i].verdict);
        outcomes[batch[i].receiver.get()].push_back({batch[i].ticket, std::move(settled[i])});
    }
    queued_events_ -= batch.size();
    queued_bytes_ -= bytes;
    metrics_->queued_events.add(-static_cast<std::int64_t>(batch.size()));
    metrics_->queued_bytes.add(-static_cast<std::int64_t>(bytes));
    for (const auto& [receiver, list] : outcomes) receiver->on_settled(list);
}

void Lanes::report(Lane& lane) {
    const book::BookCounters now = lane.book->counters();
    const book::BookCounters& before = lane.reported;
    metrics_->transactions.add(now.transactions - before.transactions);
    metrics_->conflicts.add(now.conflicts - before.conflicts);
    metrics_->retries.add(now.retries - before.retries);
    metrics_->splits.add(now.splits - before.splits);
    metrics_->changes.add(now.changes - before.changes);
    lane.reported = now;
}

}  // namespace lb::ingest
