#include "logd/libvirt_agent/agent.h"

#include <libvirt/libvirt.h>

#include <chrono>
#include <ctime>
#include <random>

#include "common/env/env.h"
#include "common/net/backoff.h"
#include "logd/hooks/libvirt/domain_xml.h"
#include "logd/hooks/libvirt/hook_event.h"
#include "logd/libvirt_agent/messages.h"

namespace lb::libvirt_agent {

namespace {

using event::EventType;
using std::chrono::milliseconds;

constexpr milliseconds kPatience{500};             // between looks at whether to stop or to beat
constexpr milliseconds kLoggerPause{1'000};        // before an event is offered again
constexpr std::int64_t kSameRebootUs = 1'000'000;  // libvirt tells of one reset up to three times
constexpr std::size_t kNamesMax = 100'000;         // of what is remembered by UUID

// Whether offering the event again may help.
bool may_help(ErrorCode code) {
    return code == ErrorCode::kRetry || code == ErrorCode::kTimeout || code == ErrorCode::kFull ||
           code == ErrorCode::kNotFound;
}

std::string_view type_name(const event::Event& event) {
    const event::TypeInfo* type = event::find_type(event.type);
    return type == nullptr ? std::string_view() : type->name;
}

std::int64_t uptime_seconds() {
    timespec since_boot{};
    clock_gettime(CLOCK_BOOTTIME, &since_boot);
    return since_boot.tv_sec;
}

bool is_stop(const DomainEvent& event) {
    return event.channel == Channel::kLifecycle && event.number == VIR_DOMAIN_EVENT_STOPPED;
}

bool changes_definition(const DomainEvent& event) {
    return event.channel == Channel::kLifecycle &&
           (event.number == VIR_DOMAIN_EVENT_DEFINED || event.number == VIR_DOMAIN_EVENT_UNDEFINED);
}

}  // namespace

Agent::Agent(AgentOptions options, Sink sink, metrics::Registry& registry)
    : options_(std::move(options)),
      sink_(std::move(sink)),
      logged_(registry.counter("lb_agent_libvirt_events_logged_total", "events logged")),
      looks_(registry.counter("lb_agent_libvirt_looks_total", "domains looked at")),
      refused_(registry.counter("lb_agent_libvirt_events_refused_total", "events refused")),
      lost_(registry.counter("lb_agent_libvirt_events_lost_total", "events lost")),
      connects_(registry.counter("lb_agent_libvirt_connects_total", "connections made")),
      thread_([this] { run(); }) {}

Agent::~Agent() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
    }
    stopping_.notify_all();
    queue_->wake();
    thread_.join();
}

bool Agent::pause(milliseconds time) {
    std::unique_lock lock(mutex_);
    return stopping_.wait_for(lock, time, [this] { return is_stopping_.load(); });
}

void Agent::run() {
    net::Backoff backoff(
        milliseconds(options_.backoff_first_ms), milliseconds(options_.backoff_max_ms),
        [random = std::mt19937_64(std::random_device()())]() mutable { return random(); });
    while (!is_stopping_) {
        beat();
        auto connection = Connection::open(options_.uri, queue_);
        if (connection.ok()) {
            backoff.reset();
            serve(**connection);
            continue;
        }
        const auto wait = backoff.next();
        log::write(kNotConnected, connection.error().text, wait.count());
        pause(wait);
    }
}

void Agent::serve(Connection& connection) {
    connects_.add();
    look_around(connection);
    is_connected_ = true;
    while (!is_stopping_) {
        beat();
        if (const std::uint64_t lost = queue_->take_lost(); lost > 0) {
            lost_.add(lost);
            log::write(kOverflow, lost);
            look_around(connection);
        }
        if (const auto happened = queue_->pop(kPatience))
            take(connection, *happened);
        else if (connection.is_closed())
            break;  // and nothing of it is left
    }
    is_connected_ = false;
    if (!is_stopping_) log::write(kDisconnected, options_.uri);
}

void Agent::look_around(Connection& connection) {
    subjects_.clear();
    const auto domains = connection.domains();
    if (!domains.ok()) return;  // it has just gone away again
    log::write(kConnected, options_.uri, domains->size());
    for (const FoundDomain& domain : *domains) {
        if (is_stopping_) return;
        looks_.add();
        if (auto event = event_of(domain.look, options_.host))
            log_of(subject_of(connection, domain.uuid), domain.name, domain.time_us,
                   std::move(*event));
    }
}

void Agent::take(Connection& connection, const Happened& happened) {
    if (happened.event.channel == Channel::kGuestAgent && !options_.is_guest_agent_believed) return;
    if (is_repeated_reboot(happened)) return;
    const std::string subject = subject_of(connection, happened.uuid);
    if (auto event = event_of(happened.event, options_.host))
        log_of(subject, happened.name, happened.time_us, std::move(*event));
    if (is_stop(happened.event) && connection.is_persistent(happened.uuid) == false) {
        // With its stop libvirt has forgotten it: no event of its own tells so.
        event::Event undefined;
        undefined.type = static_cast<std::uint16_t>(EventType::kVMUndefine);
        undefined.source = event::Source::kVmManager;
        undefined.host = options_.host;
        undefined.set_text("hostname", options_.host);
        log_of(subject, happened.name, happened.time_us, std::move(undefined));
    }
    if (changes_definition(happened.event)) subjects_.erase(happened.uuid);
}

void Agent::log_of(const std::string& subject, const std::string& name, std::int64_t time_us,
                   event::Event event) {
    event.time_us = time_us;
    if (!name.empty()) event.attributes["domain"] = name;
    log(subject, event);
}

void Agent::log(std::string_view subject, const event::Event& event) {
    for (;;) {
        const Status status = sink_(subject, event);
        if (status.ok()) return logged_.add();
        if (!may_help(status.error().code)) {
            refused_.add();
            return log::write(kRefused, type_name(event), subject, status.error().text);
        }
        log::write(kLoggerAway, type_name(event), subject, status.error().text);
        if (!pause(kLoggerPause)) continue;
        lost_.add();
        return log::write(kLost, type_name(event), subject, status.error().text);
    }
}

// A host that cannot reach libvirt is alive all the same.
void Agent::beat() {
    const std::int64_t now_us = env::posix_env().now_us();
    if (options_.heartbeat_seconds == 0 ||
        now_us < beat_at_us_ + options_.heartbeat_seconds * 1'000'000)
        return;
    beat_at_us_ = now_us;
    // Heartbeats change no state: the first word is a look at this host itself.
    const EventType type = is_host_known_ ? EventType::kVMHeartbeat : EventType::kVMRunning;
    event::Event beat;
    beat.type = static_cast<std::uint16_t>(type);
    beat.is_resync = !is_host_known_;
    beat.source = event::Source::kVmSystem;
    beat.host = options_.host;
    beat.time_us = now_us;
    if (is_host_known_) beat.set_text("uptime_s", std::to_string(uptime_seconds()));
    // The next one says the same: it is worth one try.
    if (!sink_("host:/" + options_.host, beat).ok()) return;
    is_host_known_ = true;
    logged_.add();
}

// The same as the hook's, whatever an integrator put into the definition.
const std::string& Agent::subject_of(Connection& connection, const std::string& uuid) {
    if (const auto known = subjects_.find(uuid); known != subjects_.end()) return known->second;
    if (subjects_.size() >= kNamesMax) subjects_.clear();
    hooks::Domain domain = hooks::scan_domain_xml(connection.xml_of(uuid));
    domain.uuid = uuid;
    return subjects_[uuid] = hooks::subject_of(domain);
}

bool Agent::is_repeated_reboot(const Happened& happened) {
    if (happened.event.channel != Channel::kReboot) return false;
    if (rebooted_at_us_.size() >= kNamesMax) rebooted_at_us_.clear();
    std::int64_t& last_us = rebooted_at_us_[happened.uuid];
    const bool is_repeated = happened.time_us - last_us < kSameRebootUs;
    last_us = happened.time_us;
    return is_repeated;
}

}  // namespace lb::libvirt_agent
