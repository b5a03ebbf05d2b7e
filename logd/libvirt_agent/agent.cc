#include "logd/libvirt_agent/agent.h"

#include <libvirt/libvirt.h>

#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>

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
constexpr std::int64_t kSameRebootUs = 1'000'000;  // libvirt tells of one reset up to three times
constexpr std::size_t kNamesMax = 100'000;         // of what is remembered by UUID

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

Agent::Agent(std::unique_ptr<EventLoop> loop, AgentOptions options, agent::Sink sink,
             metrics::Registry& registry)
    : loop_(std::move(loop)),
      options_(std::move(options)),
      log_(std::move(sink), "lb_agent_libvirt", registry),
      looks_(registry.counter("lb_agent_libvirt_looks_total", "domains looked at")),
      connects_(registry.counter("lb_agent_libvirt_connects_total", "connections made")),
      thread_([this] { run(); }) {}

Agent::~Agent() {
    stop_.request_stop();
    queue_->wake();
    thread_.join();
}

nlohmann::ordered_json Agent::status() const {
    return {{"uri", options_.uri},     {"host", options_.host},   {"connected", is_connected()},
            {"looks", looks_.value()}, {"logged", log_.logged()}, {"failed", log_.failed()},
            {"queued", queue_->size()}};
}

void Agent::run() {
    net::Backoff backoff(milliseconds(options_.backoff_first_ms),
                         milliseconds(options_.backoff_max_ms),
                         [] { return env::random_number(env::posix_env()); });
    while (!stop_.stop_requested()) {
        beat();
        auto connection = Connection::open(options_.uri, queue_);
        const Status served =
            connection.ok() ? serve(**connection, backoff) : Status(connection.error());
        if (served.ok()) continue;
        const auto wait = backoff.next();
        log::write(kNotConnected, served.error().text, wait.count());
        agent::pause(stop_.get_token(), wait);
    }
}

// Until libvirt goes away. An error: it did not let us look, and what was missed would stay
// unknown; another connection begins with a look.
Status Agent::serve(Connection& connection, net::Backoff& backoff) {
    connects_.add();
    LB_TRY(look_around(connection));
    backoff.reset();
    is_connected_ = true;
    const auto disconnect = [this](Status status) {
        is_connected_ = false;
        return status;
    };
    while (!stop_.stop_requested()) {
        beat();
        if (const std::uint64_t lost = queue_->take_lost(); lost > 0) {
            log_.count_lost(lost);
            log::write(kOverflow, lost);
            if (Status looked = look_around(connection); !looked.ok()) return disconnect(looked);
        }
        if (const auto happened = queue_->pop(kPatience))
            take(connection, *happened);
        else if (connection.is_closed())
            break;  // and nothing of it is left
    }
    if (!stop_.stop_requested()) log::write(kDisconnected, options_.uri);
    return disconnect({});
}

Status Agent::look_around(Connection& connection) {
    subjects_.clear();
    LB_TRY_ASSIGN(const auto domains, connection.domains());
    log::write(kConnected, options_.uri, domains.size());
    for (const FoundDomain& domain : domains) {
        if (stop_.stop_requested()) return {};
        looks_.add();
        if (auto event = event_of(domain.look, options_.host))
            log_of(subject_of(connection, domain.uuid), domain.name, domain.time_us,
                   std::move(*event));
    }
    return {};
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
    log_.log(stop_.get_token(), subject, event);
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
    if (log_.log_once("host:/" + options_.host, beat)) is_host_known_ = true;
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
