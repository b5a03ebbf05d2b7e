#include "bkserver/book/intake.h"

#include "bkserver/store/store.h"
#include "common/base/identity_limits.h"
#include "common/event/identity.h"

namespace lb::book {

std::string canonical_text(event::Subject subject) {
    if (auto* id = std::get_if<event::ProcessId>(&subject)) id->info.clear();
    return event::to_string(subject);
}

namespace {

Status check_length(std::string_view what, const std::string& identity) {
    if (identity.size() <= limits::kIdentityBytesMax) return {};
    return Error{ErrorCode::kReject, std::string(what) + " is " + std::to_string(identity.size()) +
                                         " bytes long; more than " +
                                         std::to_string(limits::kIdentityBytesMax) +
                                         " are refused"};
}

// Identities that the store could not keep whole.
Status check_identities(const event::AcceptedEvent& accepted) {
    const std::string logged_by = event::owner_text(accepted.identity);
    LB_TRY(check_length("the identity that logged the event", logged_by));
    if (accepted.event.type != kRegistration) return {};
    return check_length("the owner that the registration names",
                        event::owner_of_registration(accepted.event.user, logged_by));
}

}  // namespace

bool Candidate::is_stored() const {
    if (accepted.event.type == kHeartbeat) return false;
    return settled.verdict == lb::v1::VERDICT_ACCEPTED ||
           settled.verdict == lb::v1::VERDICT_UNKNOWN_TYPE ||
           settled.verdict == lb::v1::VERDICT_UNREGISTERED;
}

bool Candidate::is_dead() const {
    return settled.verdict == lb::v1::VERDICT_DENIED ||
           settled.verdict == lb::v1::VERDICT_MALFORMED ||
           settled.verdict == lb::v1::VERDICT_CONFLICT;
}

void Candidate::settle(lb::v1::Verdict verdict, std::string_view reason) {
    settled = {verdict, printable(reason.substr(0, store::kReasonBytesMax)), 0};
}

Candidate take_in(const Arrived& arrived) {
    Candidate candidate;
    candidate.arrived = &arrived;
    auto accepted = event::open_accepted(arrived.envelope, arrived.forwarder, arrived.arrived_us);
    if (!accepted.ok()) {
        candidate.settle(lb::v1::VERDICT_MALFORMED, accepted.error().text);
        return candidate;
    }
    candidate.accepted = *std::move(accepted);
    if (const Status status = check_identities(candidate.accepted); !status.ok()) {
        candidate.settle(lb::v1::VERDICT_MALFORMED, status.error().text);
        return candidate;
    }
    const lb::v1::Envelope& envelope = candidate.accepted.envelope;
    candidate.forwarder = arrived.forwarder;
    event::set_realm(candidate.forwarder, arrived.forwarder, envelope.acceptance().host());
    const auto subject = event::parse_subject(envelope.subject());
    if (!subject.ok()) {
        candidate.settle(lb::v1::VERDICT_MALFORMED, "subject: " + subject.error().text);
        return candidate;
    }
    candidate.subject = *subject;
    candidate.subject_text = canonical_text(*subject);
    return candidate;
}

std::string printable(std::string_view text) {
    std::string clean(text);
    for (char& character : clean)
        if (character < ' ' || character > '~') character = '?';
    return clean;
}

}  // namespace lb::book
