#include "logd/opennebula_agent/agent.h"

#include <nlohmann/json.hpp>

#include "common/env/env.h"
#include "common/event/time_text.h"
#include "logd/opennebula/hook_call.h"
#include "logd/opennebula/states.h"
#include "logd/opennebula_agent/messages.h"

namespace lb::opennebula_agent {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPatience{200};     // between looks at the connection and at what is due
constexpr std::size_t kSuspectsMax = 256;  // more: all are looked at
constexpr int kDone = 6;                   // STATE

std::int64_t now_us() {
    return env::posix_env().now_us();
}

}  // namespace

Agent::Agent(AgentOptions options, Parts parts, agent::Sink sink, metrics::Registry& registry)
    : options_(std::move(options)),
      subscriber_(std::move(parts.subscriber)),
      cloud_(std::move(parts.cloud)),
      machines_(std::move(parts.machines)),
      stop_(std::move(parts.stop)),
      log_(std::move(sink), "lb_agent_opennebula", registry),
      backoff_(options_.backoff_first, options_.backoff_max,
               [] { return env::random_number(env::posix_env()); }),
      resync_at_(Clock::now() + options_.settle_time),
      messages_(registry.counter("lb_agent_opennebula_messages_total", "messages of OpenNebula")),
      not_understood_(registry.counter("lb_agent_opennebula_messages_not_understood_total",
                                       "messages that are none of OpenNebula's")),
      looks_(registry.counter("lb_agent_opennebula_looks_total", "machines and hosts looked at")),
      resyncs_(registry.counter("lb_agent_opennebula_resyncs_total",
                                "comparisons with what OpenNebula has")),
      failed_resyncs_(registry.counter("lb_agent_opennebula_failed_resyncs_total",
                                       "comparisons that OpenNebula gave no answer for")),
      known_(registry.gauge("lb_agent_opennebula_machines", "machines that are not done")),
      thread_([this] { run(); }) {}

Agent::~Agent() {
    stop_.request_stop();
    thread_.join();
}

nlohmann::ordered_json Agent::status() const {
    const std::int64_t at_us = synchronized_at_us_;
    return {{"events", options_.events},
            {"xmlrpc", options_.xmlrpc},
            {"connected", is_connected_.load()},
            {"synchronized_at", at_us == 0 ? std::string() : event::time_to_text(at_us)},
            {"machines", known_.value()},
            {"messages", messages_.value()},
            {"looks", looks_.value()},
            {"logged", log_.logged()},
            {"failed", log_.failed()}};
}

void Agent::run() {
    while (!stop_.stop_requested()) {
        if (const auto message = subscriber_->next(kPatience)) take(*message);
        watch_connection();
        if (Clock::now() >= resync_at_) resync();
        look_at_suspects();
        known_.set(static_cast<std::int64_t>(machines_->all().size()));
    }
}

void Agent::watch_connection() {
    const std::uint64_t connects = subscriber_->connects();
    if (connects != connects_seen_) {
        connects_seen_ = connects;
        log::write(kConnected, options_.events);
        plan_resync(options_.settle_time, true);  // the publisher needs a moment to know of us
    }
    const bool is_connected = subscriber_->is_connected();
    if (is_connected_.exchange(is_connected) && !is_connected)
        log::write(kDisconnected, options_.events);
}

// ---- what the stream tells

void Agent::take(const Message& message) {
    messages_.add();
    const std::string words[] = {message.content};
    const auto call = opennebula::parse_call(words);
    if (!call.ok()) {
        not_understood_.add();
        return log::write(kNotUnderstood, message.key, call.error().text);
    }
    for (const opennebula::VmDocument& vm : call->documents.vms) see(vm);
    for (const opennebula::HostDocument& host : call->documents.hosts) {
        host_states_[host.id] = host.state;
        log_reports(host, now_us(), false);
    }
}

void Agent::see(const opennebula::VmDocument& vm) {
    if (!follows(vm)) suspect(vm.id);
    keep(vm.id, seen_of(vm));
    log_reports(vm, now_us(), false);
    if (vm.state == kDone) machines_->forget(vm.id);
}

// Whether this is the next change after the one that was seen last.
bool Agent::follows(const opennebula::VmDocument& vm) const {
    const Seen* const last = machines_->find(vm.id);
    if (last == nullptr) {
        const auto* const row = opennebula::find_vm_state(vm.state, vm.lcm_state);
        return row != nullptr && row->phase == opennebula::Phase::kPending;
    }
    return last->state == vm.previous_state &&
           (last->state != opennebula::kActive || last->lcm_state == vm.previous_lcm_state);
}

void Agent::suspect(int id) {
    suspects_.try_emplace(id, Clock::now() + options_.settle_time);
    if (suspects_.size() <= kSuspectsMax) return;
    suspects_.clear();
    plan_resync(options_.settle_time, true);
}

void Agent::look_at_suspects() {
    const Clock::time_point now = Clock::now();
    for (auto at = suspects_.begin(); at != suspects_.end();) {
        if (at->second > now || stop_.stop_requested()) {
            ++at;
            continue;
        }
        if (const Status looked = look_at(at->first); !looked.ok()) {
            const auto wait = backoff_.next();
            log::write(kNotSynchronized, looked.error().text, wait.count());
            suspects_.clear();
            return plan_resync(wait, true);
        }
        at = suspects_.erase(at);
    }
}

// ---- what OpenNebula has

void Agent::plan_resync(milliseconds wait, bool is_full) {
    resync_at_ = Clock::now() + wait;
    is_full_due_ = is_full_due_ || is_full;
}

void Agent::resync() {
    const std::uint64_t looks_before = looks_.value();
    Status done = look_at_vms();
    if (done.ok()) done = look_at_hosts();
    if (!done.ok()) {
        if (stop_.stop_requested()) return;
        failed_resyncs_.add();
        const auto wait = backoff_.next();
        log::write(kNotSynchronized, done.error().text, wait.count());
        return plan_resync(wait, false);
    }
    backoff_.reset();
    resyncs_.add();
    is_full_due_ = false;
    synchronized_at_us_ = now_us();
    const std::uint64_t looks = looks_.value() - looks_before;
    if (looks > 0) log::write(kSynchronized, machines_->all().size(), host_states_.size(), looks);
    resync_at_ = options_.resync_interval.count() == 0 ? Clock::time_point::max()
                                                       : Clock::now() + options_.resync_interval;
}

// The pool changes while its pages are read: a machine may come twice, or in none of them.
Status Agent::look_at_vms() {
    KnownMachines::Map found;
    for (int offset = 0; !stop_.stop_requested(); offset += kPageVms) {
        const std::int64_t seen_us = now_us();  // what is found is at least as new
        LB_TRY_ASSIGN(const opennebula::Documents page, cloud_.vms(offset));
        const std::size_t found_before = found.size();
        for (const Error& refused : page.refused)
            log::write(kNotUnderstood, "one.vmpool.infoextended", refused.text);
        for (const opennebula::VmDocument& vm : page.vms) {
            if (const Seen* last = machines_->find(vm.id);
                is_full_due_ || last == nullptr || *last != seen_of(vm))
                look(vm, seen_us);
            found.insert_or_assign(vm.id, seen_of(vm));
        }
        const bool is_last = page.vms.size() + page.refused.size() < kPageVms;
        if (is_last || found.size() == found_before) break;
    }
    LB_TRY(look_at_missing(found));
    if (const Status kept = machines_->replace(std::move(found)); !kept.ok())
        log::write(kNotKept, kept.error().text);
    return {};
}

// Those that were known and are in no page: most have ended.
Status Agent::look_at_missing(KnownMachines::Map& found) {
    std::vector<int> missing;
    for (const auto& [id, seen] : machines_->all())
        if (!found.contains(id)) missing.push_back(id);
    for (const int id : missing) {
        if (stop_.stop_requested()) return Error{ErrorCode::kRetry, "stopped"};
        LB_TRY(look_at(id));
        if (const Seen* seen = machines_->find(id)) found.insert_or_assign(id, *seen);
    }
    return {};
}

Status Agent::look_at_hosts() {
    const std::int64_t seen_us = now_us();
    LB_TRY_ASSIGN(const opennebula::Documents page, cloud_.hosts());
    for (const opennebula::HostDocument& host : page.hosts) {
        const auto [last, is_new] = host_states_.try_emplace(host.id, host.state);
        if (!is_full_due_ && !is_new && last->second == host.state) continue;
        last->second = host.state;
        looks_.add();
        log_reports(host, seen_us, true);
    }
    return {};
}

// Nothing to look at is fine: it has been deleted for good.
Status Agent::look_at(int id) {
    const std::int64_t seen_us = now_us();
    const auto vm = cloud_.vm(id);
    if (vm.ok())
        look(*vm, seen_us);
    else if (vm.error().code != ErrorCode::kNotFound)
        return vm.error();
    else
        machines_->forget(id);
    return {};
}

void Agent::look(const opennebula::VmDocument& vm, std::int64_t seen_us) {
    looks_.add();
    keep(vm.id, seen_of(vm));
    log_reports(vm, seen_us, true);
    if (vm.state == kDone) machines_->forget(vm.id);
}

void Agent::keep(int id, const Seen& seen) {
    if (const Status kept = machines_->see(id, seen); !kept.ok())
        log::write(kNotKept, kept.error().text);
}

template <typename Document>
void Agent::log_reports(const Document& document, std::int64_t seen_us, bool is_look) {
    const opennebula::Sight sight{options_.scope, options_.host, seen_us, is_look};
    for (const opennebula::Report& report : opennebula::reports_of(document, sight))
        log_.log(stop_.get_token(), report.subject, report.event, report.event_id);
}

}  // namespace lb::opennebula_agent
