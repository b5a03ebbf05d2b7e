#include "tests/simulation/host.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>

#include "common/event/envelope.h"
#include "common/spool/inspect.h"
#include "common/spool/quarantine.h"
#include "lb/v1/envelope.pb.h"

namespace lb::test {

namespace {

constexpr char kRoot[] = "/spool";
constexpr std::uint64_t kTickUs = 100 * kMsUs;
constexpr std::uint64_t kTicksPerSecond = 10;
constexpr std::size_t kMemoryBytesMax = 4096;
constexpr std::size_t kEventBytesMost = 2048;             // of the events that the simulation makes
constexpr std::int64_t kBeginUs = 1'577'836'800'000'000;  // 2020: before every server's clock

spool::Destination destination() {
    return *spool::Destination::parse(kSimService);
}

logd::Producer producer() {
    logd::Producer root;
    root.sources.add_all();
    return root;
}

}  // namespace

// One life of lb-logd.
struct SimHost::Logd {
    Logd(SimDisk& disk, SimClock& clock) : env(disk, clock), metrics(registry) {}
    ~Logd() {
        committer.reset();
        if (wake >= 0) ::close(wake);
    }

    SimEnv env;
    metrics::Registry registry;
    logd::LogdMetrics metrics;
    std::unique_ptr<spool::Doorbell> doorbell;  // rings nobody: the simulation carries its rings
    int wake = -1;
    std::optional<logd::Intake> intake;
    std::unique_ptr<logd::Committer> committer;
    std::uint64_t next_ticket = 1;
};

// One life of lb-interlogd.
struct SimHost::Interlogd {
    Interlogd(SimHost& host, SimDisk& disk, SimClock& clock)
        : env(disk, clock),
          links(host.network_, host.name_),
          metrics(registry),
          instance(16, 'i'),
          quarantine(env, kRoot, 1 << 20),
          context{
              .env = env,
              .links = links,
              .metrics = metrics,
              .dials = dials,
              .host = host.name_,
              .instance = instance,
              .memory_left =
                  [this, &host] {
                      if (host.world_.bug == Bug::kMemoryHasNoEnd) return kMemoryBytesMax;
                      const std::size_t used = queue->memory_bytes();
                      return kMemoryBytesMax - std::min(used, kMemoryBytesMax);
                  },
              .on_settled =
                  [&host](spool::SettledEvent event) { host.told_.push_back(std::move(event)); },
              .set_aside =
                  [this](const std::string& name, const std::string& bytes,
                         const std::string& reason) {
                      return quarantine.keep(name, bytes, reason);
                  }} {}

    SimEnv env;
    HostLinks links;
    metrics::Registry registry;
    interlogd::ForwardMetrics metrics;
    interlogd::DialSlots dials{1};
    std::string instance;
    spool::Quarantine quarantine;
    interlogd::QueueContext context;
    std::unique_ptr<interlogd::DestinationQueue> queue;
};

SimHost::SimHost(World& world, SimNetwork& network, std::string name, std::uint64_t seed)
    : world_(world), network_(network), name_(std::move(name)), disk_(seed) {
    clock_.now_us = kBeginUs;
    disk_.is_lying = world_.bug == Bug::kDiskForgetsSyncs;
    start_logd();
    start_interlogd();
    tick();
}

SimHost::~SimHost() {
    *is_there_ = false;
    interlogd_.reset();
    logd_.reset();
}

void SimHost::complain(const std::string& what) {
    if (!complaint_) complaint_ = name_ + ": " + what;
}

void SimHost::follow_clock() {
    clock_.pass_us(world_.now_us() - clock_at_us_);
    clock_at_us_ = world_.now_us();
}

void SimHost::start_logd() {
    logd_ = std::make_unique<Logd>(disk_, clock_);
    logd::LogdOptions options;
    options.host = name_;
    options.default_destination = kSimService;
    options.sync_wait_ms_max = 1000;
    auto intake = logd::Intake::create(logd_->env, options);
    REQUIRE(intake.ok());
    logd_->intake = std::move(*intake);
    spool::SpoolWriterOptions spool_options;
    spool_options.root = kRoot;
    spool_options.segment_bytes_min = 4096;
    spool_options.segment_bytes_max = 16 * 1024;
    spool_options.free_bytes_min = 0;
    auto writer = spool::SpoolWriter::open(logd_->env, spool_options);
    if (!writer.ok()) return;  // it ends; the next try comes with the next event
    auto doorbell = spool::Doorbell::open("", "/nonexistent/doorbell");
    REQUIRE(doorbell.ok());
    logd_->doorbell = std::move(*doorbell);
    logd_->wake = ::eventfd(0, EFD_CLOEXEC);
    REQUIRE(logd_->wake >= 0);
    logd_->committer = std::make_unique<logd::Committer>(
        logd_->env, std::move(*writer), *logd_->doorbell, logd_->wake, logd_->metrics);
}

void SimHost::start_interlogd() {
    interlogd_.reset();
    interlogd_ = std::make_unique<Interlogd>(*this, disk_, clock_);
    interlogd::QueueOptions options;
    options.retries_max = 1000;
    interlogd_->queue = std::make_unique<interlogd::DestinationQueue>(
        interlogd_->context, destination(), options,
        net::Backoff(net::Milliseconds(200), net::Milliseconds(5000),
                     [this] { return world_.below(UINT64_MAX); }));
}

void SimHost::kill_logd() {
    logd_->env.die();
    start_logd();
}

void SimHost::kill_interlogd() {
    interlogd_->env.die();
    start_interlogd();
}

void SimHost::lose_power(Loss loss) {
    logd_->env.die();
    interlogd_->env.die();
    logd_.reset();
    interlogd_.reset();
    disk_.lose_power(loss);
    start_logd();
    start_interlogd();
}

int SimHost::fault_of(std::uint64_t times) {
    constexpr int kReasons[] = {EIO, ENOSPC, EMFILE, EROFS};
    return disk_.is_chance(times) ? kReasons[disk_.random() % std::size(kReasons)] : 0;
}

void SimHost::have_trouble() {
    SimEnv& env = world_.is_chance(2) ? logd_->env : interlogd_->env;
    switch (world_.below(3)) {
        case 0:
            return env.die_in_call(env.calls() + 1 + world_.below(30));
        case 1:
            may_refuse_ = true;
            disk_.capacity_bytes = 4096 + world_.below(30'000);
            return;
        default:
            may_refuse_ = true;
            env.fault = [this, times = 1 + world_.below(8)](Call, const std::string&) {
                return fault_of(times);
            };
    }
}

void SimHost::end_trouble() {
    disk_.capacity_bytes = SimDisk::kUnlimited;
    logd_->env.fault = nullptr;
    interlogd_->env.fault = nullptr;
    may_refuse_ = false;
}

void SimHost::log(const SimEvent& event, std::function<void()> on_acknowledged) {
    if (try_to_log(event)) return on_acknowledged();
    world_.after(world_.below(2 * kSecondUs),
                 [this, event, on_acknowledged = std::move(on_acknowledged), there = is_there_] {
                     if (*there) log(event, on_acknowledged);
                 });
}

bool SimHost::try_to_log(const SimEvent& event) {
    follow_clock();
    if (logd_->env.is_dead() || logd_->committer == nullptr) start_logd();
    if (logd_->committer == nullptr) return false;
    if (world_.bug == Bug::kDiskWaitsForNetwork)
        logd_->env.fault = [this](Call call, const std::string&) {
            return call == Call::kSync && network_.is_cut(name_) ? EIO : 0;
        };
    lb::v1::Envelope envelope;
    envelope.set_schema(event::kEventSchema);
    envelope.set_event_id(event.event_id);
    envelope.set_subject(event.process);
    envelope.set_event(event.event);
    if (event.is_sync) envelope.set_priority(lb::v1::PRIORITY_SYNC);
    auto taken = logd_->intake->accept(envelope.SerializeAsString(), producer(), {});
    if (const auto* refused = std::get_if<logd::Refused>(&taken)) {
        complain("refused: " + refused->error.text);
        return false;
    }
    auto& accepted = std::get<logd::Accepted>(taken);
    std::vector<logd::CommitItem> items;
    items.push_back({{1, logd_->next_ticket++},
                     accepted.destination,
                     accepted.lane,
                     std::move(accepted.envelope)});
    logd_->committer->submit(std::move(items));
    std::uint64_t count = 0;
    REQUIRE(::read(logd_->wake, &count, sizeof count) == sizeof count);
    const auto completions = logd_->committer->take_completions();
    REQUIRE(completions.size() == 1);
    if (logd_->env.is_dead()) return false;
    if (!completions[0].status.ok()) {
        if (!may_refuse_) complain("not taken: " + completions[0].status.error().text);
        return false;
    }
    // The doorbell may lose a ring.
    if (!world_.is_chance(4))
        world_.after(kMsUs, [this, there = is_there_] {
            if (*there && !interlogd_->env.is_dead()) interlogd_->queue->pump();
        });
    return true;
}

void SimHost::tick() {
    follow_clock();
    if (interlogd_->env.is_dead()) start_interlogd();
    for (const spool::Lane lane : spool::kLanes) {
        if (interlogd_->queue->has_lane(lane)) continue;
        spool::LaneReaderOptions options;
        options.root = kRoot;
        options.id = {destination(), lane};
        auto reader = spool::LaneReader::open(interlogd_->env, options);
        if (reader.ok()) interlogd_->queue->add_lane(lane, std::move(*reader));
    }
    interlogd_->queue->tick();
    if (++ticks_ % kTicksPerSecond == 0) interlogd_->queue->tidy();
    if (interlogd_->queue->memory_bytes() > kMemoryBytesMax + kEventBytesMost)
        complain(std::to_string(interlogd_->queue->memory_bytes()) + " bytes in memory");
    world_.after(kTickUs, [this, there = is_there_] {
        if (*there) tick();
    });
}

bool SimHost::is_empty() {
    follow_clock();
    SimEnv looking(disk_, clock_);
    const auto lanes = spool::summarize(looking, kRoot);
    if (!lanes.ok()) return false;
    for (const spool::LaneSummary& lane : *lanes)
        if (lane.tail.events > 0) return false;
    return true;
}

}  // namespace lb::test
