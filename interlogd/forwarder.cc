#include "interlogd/forwarder.h"

#include <algorithm>

#include "common/base/encoding.h"
#include "interlogd/messages.h"

namespace lb::interlogd {

namespace {

using net::Milliseconds;

constexpr Milliseconds kTick{100};
constexpr std::uint64_t kTicksPerSecond = 10;
constexpr std::uint64_t kMeasureSeconds = 10;  // between two looks for the metrics of the spool
// Of such a look, so that thousands of lanes hold up nobody's events.
constexpr std::size_t kMeasuredPerTick = 100;
constexpr std::size_t kInstanceBytes = 16;
constexpr std::uint64_t kQuarantineBytesMax = 64 * 1024 * 1024;

std::string random_bytes(env::Env& env, std::size_t count) {
    std::string bytes(count, '\0');
    env.fill_random(bytes);
    return bytes;
}

}  // namespace

Result<std::unique_ptr<Forwarder>> Forwarder::create(env::Env& env, net::Loop& loop,
                                                     LinkMaker& links, ForwarderOptions options,
                                                     metrics::Registry& registry) {
    const std::string& runtime = options.runtime_directory;
    LB_TRY(env::make_directories(env, options.spool_directory));
    LB_TRY_ASSIGN(auto doorbell, spool::Doorbell::open(runtime + "/" + spool::kInterlogdDoorbell,
                                                       runtime + "/" + spool::kLogdDoorbell));
    std::unique_ptr<Forwarder> forwarder(
        new Forwarder(env, loop, links, std::move(options), registry, std::move(doorbell)));
    forwarder->find_lanes();
    return forwarder;
}

Forwarder::Forwarder(env::Env& env, net::Loop& loop, LinkMaker& links, ForwarderOptions options,
                     metrics::Registry& registry, std::unique_ptr<spool::Doorbell> doorbell)
    : env_(env),
      loop_(loop),
      options_(std::move(options)),
      metrics_(registry),
      doorbell_(std::move(doorbell)),
      quarantine_(env, options_.spool_directory, kQuarantineBytesMax),
      host_(options_.host.empty() ? env::system_host() : options_.host),
      instance_(random_bytes(env, kInstanceBytes)),
      dials_(options_.dials_max),
      random_(env::random_number(env)),
      context_{
          .env = env,
          .links = links,
          .metrics = metrics_,
          .dials = dials_,
          .host = host_,
          .instance = instance_,
          .memory_left =
              [this] {
                  const std::size_t used = memory_bytes();
                  return options_.memory_bytes_max - std::min(used, options_.memory_bytes_max);
              },
          .on_settled =
              [this](spool::SettledEvent event) {
                  settled_.push_back(std::move(event));
                  if (std::exchange(will_send_settled_, true)) return;
                  // All verdicts of one ACK go in one ring.
                  loop_.post([this] { send_settled(); });
              },
          .set_aside =
              [this](const std::string& name, const std::string& bytes, const std::string& reason) {
                  return quarantine_.keep(name, bytes, reason);
              }} {}

Forwarder::~Forwarder() = default;

void Forwarder::begin() {
    loop_.watch(doorbell_->descriptor(), [this] { take_rings(); });
    tick();
}

bool Forwarder::drain() {
    is_ending_ = true;
    bool is_idle = true;
    for (const auto& [destination, queue] : queues_) {
        queue->drain();
        is_idle = is_idle && queue->is_idle();
    }
    return is_idle;
}

void Forwarder::end() {
    is_ending_ = true;
    send_settled();
    for (const auto& [destination, queue] : queues_) queue->tidy();
    queues_.clear();
}

void Forwarder::tick() {
    ticked_at_us_ = env_.monotonic_us();
    if (queues_.empty() && is_ending_) return;
    ++ticks_;
    if (ticks_ % (kTicksPerSecond * options_.rescan_seconds) == 0) find_lanes();
    tick_queues();
    metrics_.memory_bytes.set(static_cast<std::int64_t>(memory_bytes()));
    measure_spool();
    loop_.call_after(kTick, [this] { tick(); });
}

// Who had to wait for his turn to connect has it first the next time.
void Forwarder::tick_queues() {
    std::optional<spool::Destination> waiting;
    auto next = queues_.lower_bound(first_);
    for (std::size_t left = queues_.size(); left > 0; --left, ++next) {
        if (next == queues_.end()) next = queues_.begin();
        if (!next->second->tick() && !waiting) waiting = next->first;
        if (ticks_ % kTicksPerSecond == 0) next->second->tidy();
    }
    if (waiting) first_ = *waiting;
}

// Some lanes a tick.
void Forwarder::measure_spool() {
    if (!measure_ && ticks_ % (kTicksPerSecond * kMeasureSeconds) == 1)
        measure_ = Measure{.next = {}, .since_us = env_.now_us()};
    if (!measure_) return;
    auto next = queues_.lower_bound(measure_->next);
    for (std::size_t i = 0; i < kMeasuredPerTick && next != queues_.end(); ++i, ++next) {
        measure_->bytes += next->second->pending_bytes();
        if (const std::int64_t since = next->second->pending_since_us(); since != 0)
            measure_->since_us = std::min(measure_->since_us, since);
    }
    if (next != queues_.end()) {
        measure_->next = next->first;
        return;
    }
    metrics_.pending_bytes.set(static_cast<std::int64_t>(measure_->bytes));
    metrics_.oldest_seconds.set((env_.now_us() - measure_->since_us) / 1'000'000);
    measure_.reset();
}

void Forwarder::take_rings() {
    const spool::Ring ring = doorbell_->take();
    if (is_ending_) return;
    for (const spool::GrownLane& grown : ring.grown)
        if (DestinationQueue* const queue = open_lane({grown.destination, grown.lane}))
            queue->pump();
    for (const spool::Destination& destination : ring.retry) (void)retry(destination.to_string());
}

void Forwarder::find_lanes() {
    const auto lanes = spool::list_lanes(env_, options_.spool_directory);
    if (!lanes.ok()) return log::write(kSpoolFailed, options_.spool_directory, lanes.error().text);
    for (const spool::LaneId& id : *lanes) open_lane(id);
}

DestinationQueue* Forwarder::open_lane(const spool::LaneId& id) {
    auto& queue = queues_[id.destination];
    if (queue == nullptr) {
        queue = std::make_unique<DestinationQueue>(
            context_, id.destination, options_.queue,
            net::Backoff(Milliseconds(options_.queue.backoff_first_ms),
                         Milliseconds(options_.queue.backoff_max_ms),
                         [this] { return random_(); }));
        metrics_.destinations.set(static_cast<std::int64_t>(queues_.size()));
    }
    if (queue->has_lane(id.lane)) return queue.get();
    spool::LaneReaderOptions reader_options;
    reader_options.root = options_.spool_directory;
    reader_options.id = id;
    reader_options.on_damage = [this, id](const spool::Damage& damage, const std::string& kept) {
        on_damage(id, damage, kept);
    };
    auto reader = spool::LaneReader::open(env_, reader_options);
    if (!reader.ok()) {
        queue->on_spool_failure(id.lane, reader.error());
        return nullptr;
    }
    queue->add_lane(id.lane, std::move(*reader));
    return queue.get();
}

void Forwarder::on_damage(const spool::LaneId& id, const spool::Damage& damage,
                          const std::string& kept) {
    metrics_.damaged.add();
    log::write(kDamaged, id.destination.to_string(), damage.bytes, damage.offset, damage.segment,
               damage.reason, kept.empty() ? std::string("nowhere: the quarantine is full") : kept);
}

std::size_t Forwarder::memory_bytes() const {
    std::size_t bytes = 0;
    for (const auto& [destination, queue] : queues_) bytes += queue->memory_bytes();
    return bytes;
}

void Forwarder::send_settled() {
    will_send_settled_ = false;
    if (settled_.empty()) return;
    spool::Ring ring;
    ring.settled = std::exchange(settled_, {});
    doorbell_->ring(ring);
}

Status Forwarder::retry(std::string_view destination) {
    if (destination.empty()) {
        for (const auto& [name, queue] : queues_) queue->retry_now();
        return {};
    }
    LB_TRY_ASSIGN(const auto parsed, spool::Destination::parse(destination));
    const auto found = queues_.find(parsed);
    if (found == queues_.end())
        return Error{ErrorCode::kNotFound, "nothing was ever spooled for " + parsed.to_string()};
    found->second->retry_now();
    return {};
}

nlohmann::ordered_json Forwarder::to_json() const {
    auto rows = nlohmann::ordered_json::array();
    for (const auto& [destination, queue] : queues_) rows.push_back(queue->to_json());
    return rows;
}

}  // namespace lb::interlogd
