#include "logd/daemon/intake.h"

#include <unistd.h>

#include <algorithm>

#include "common/event/codec.h"
#include "common/event/envelope.h"
#include "common/event/event_id.h"
#include "common/event/field_text.h"
#include "common/event/process_id.h"
#include "lb/v1/envelope.pb.h"

namespace lb::logd {

namespace {

// Who runs this daemon may as well, so that it can be tried out.
bool may_speak_for_guests(const Producer& producer) {
    const uid_t uid = producer.user.uid;
    return !producer.is_remote() && (uid == 0 || uid == ::geteuid());
}

// As hooks and agents do, and as users may not unless they are let.
bool tells_of_machines(event::Source source) {
    return source == event::Source::kCloudManager || source == event::Source::kVmManager ||
           source == event::Source::kVmSystem;
}

// Who logged it: a guest, known by the machine whose channel it came on, a remote producer or a
// local user.
void set_identity(v1::Identity& identity, const v1::Envelope& envelope, const Producer& producer) {
    identity.Clear();
    if (envelope.is_channel()) {
        identity.set_kind(v1::IDENTITY_KIND_CHANNEL);
        if (const auto machine = event::parse_subject(envelope.subject()); machine.ok())
            identity.set_name(event::to_string(*machine));
        return;
    }
    if (producer.is_remote()) {
        identity.set_kind(v1::IDENTITY_KIND_CERTIFICATE);
        identity.set_name(producer.dn);
        return;
    }
    identity.set_kind(v1::IDENTITY_KIND_UID);
    identity.set_name(std::to_string(producer.user.uid));
    identity.set_display(producer.user.name);
}

}  // namespace

Result<Intake> Intake::create(env::Env& env, const LogdOptions& options) {
    Intake intake(env);
    intake.acceptance_->set_origin(intake.origin_.id());
    intake.acceptance_->set_host(options.host.empty() ? env::system_host() : options.host);
    intake.acceptance_->set_boot_id(env::boot_id(env));
    intake.sync_wait_ms_ = options.sync_wait_ms;
    intake.sync_wait_ms_max_ = options.sync_wait_ms_max;
    for (const std::string& text : options.destinations) {
        if (text == "*") {
            intake.is_any_destination_ = true;
            continue;
        }
        auto destination = spool::Destination::parse(text);
        if (!destination.ok()) return destination.error().within("destinations");
        intake.destinations_.insert(std::move(destination).value());
    }
    if (!options.default_destination.empty()) {
        auto destination = spool::Destination::parse(options.default_destination);
        if (!destination.ok()) return destination.error().within("default_destination");
        intake.destinations_.insert(*destination);
        intake.default_destination_ = std::move(destination).value();
    }
    return intake;
}

Result<spool::Destination> Intake::destination_of(const std::string& subject) const {
    if (!event::is_process_id(subject)) {
        if (default_destination_) return *default_destination_;
        return Error{ErrorCode::kReject,
                     "the event names the key " + subject +
                         " and no default_destination is configured for lb-logd"};
    }
    LB_TRY_ASSIGN(auto id, event::ProcessId::parse(subject));
    spool::Destination destination{std::move(id.host), id.port};
    if (is_any_destination_ || destinations_.contains(destination)) return destination;
    return Error{ErrorCode::kReject, "destination " + destination.to_string() +
                                         " is not in lb-logd's list of destinations"};
}

Result<event::Source> Intake::check_event(const v1::Envelope& envelope,
                                          const Producer& producer) const {
    LB_TRY_ASSIGN(const auto event, event::decode(envelope.event()));
    if (envelope.is_channel() && !may_speak_for_guests(producer))
        return Error{ErrorCode::kDenied, producer.text() +
                                             " may not speak for guests: only root's "
                                             "agents know whose channel it is"};
    if (envelope.is_channel() && event.source != event::Source::kVmSystem)
        return Error{ErrorCode::kDenied, "a guest may not log as source " +
                                             event::text_of(event.source) + ": VMSystem alone"};
    if (producer.sources.contains(event.source)) return event.source;
    return Error{ErrorCode::kDenied, producer.text() + " may not log as source " +
                                         event::text_of(event.source) + " on this host"};
}

std::uint32_t Intake::wait_ms_of(std::uint32_t asked_ms) const {
    return std::min(asked_ms == 0 ? sync_wait_ms_ : asked_ms, sync_wait_ms_max_);
}

void Intake::stamp(v1::Envelope& envelope, const Producer& producer) {
    acceptance_->set_counter(origin_.next_counter());
    set_identity(*acceptance_->mutable_identity(), envelope, producer);
    acceptance_->set_accepted_at_us(env_->now_us());
    acceptance_->set_monotonic_us(env_->monotonic_us());
    envelope.set_allocated_acceptance(acceptance_.release());
}

std::variant<Accepted, Refused> Intake::accept(std::string_view payload, const Producer& producer,
                                               const std::string& fallback_event_id) {
    auto parsed = event::parse_envelope(payload, event::EnvelopeFrom::kProducer);
    if (!parsed.ok()) return Refused{{}, parsed.error()};
    v1::Envelope& envelope = *parsed;
    const auto refuse = [&](const Error& error) { return Refused{envelope.event_id(), error}; };
    const auto source = check_event(envelope, producer);
    if (!source.ok()) return refuse(source.error());
    auto destination = destination_of(envelope.subject());
    if (!destination.ok()) return refuse(destination.error());

    Accepted accepted;
    accepted.destination = std::move(destination).value();
    if (envelope.priority() == v1::PRIORITY_SYNC) {
        accepted.lane = spool::Lane::kSync;
        accepted.wait_ms = wait_ms_of(envelope.wait_ms());
    }
    if (envelope.event_id().empty())
        envelope.set_event_id(fallback_event_id.empty() ? event::new_event_id()
                                                        : fallback_event_id);
    accepted.event_id = envelope.event_id();
    if (!producer.is_remote() && tells_of_machines(*source))
        accepted.program = std::move(*envelope.mutable_program());
    envelope.clear_program();
    envelope.clear_wait_ms();
    stamp(envelope, producer);
    envelope.clear_is_channel();
    envelope.SerializeToString(&accepted.envelope);
    acceptance_.reset(envelope.release_acceptance());
    return accepted;
}

}  // namespace lb::logd
