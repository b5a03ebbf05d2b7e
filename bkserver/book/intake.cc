#include "bkserver/book/intake.h"

#include "common/event/codec.h"
#include "common/event/envelope.h"

namespace lb::book {

namespace {

std::string canonical_text(event::Subject subject) {
    if (auto* id = std::get_if<event::ProcessId>(&subject)) id->info.clear();
    return event::to_string(subject);
}

}  // namespace

event::Arrival OpenedEvent::order() const {
    const lb::v1::Acceptance& acceptance = envelope.acceptance();
    return {acceptance.origin(), acceptance.counter(), acceptance.accepted_at_us(),
            envelope.event_id()};
}

Result<OpenedEvent> open_envelope(std::string_view bytes) {
    OpenedEvent opened;
    LB_TRY_ASSIGN(opened.envelope, event::parse_envelope(bytes, true));
    LB_TRY_ASSIGN(opened.event, event::decode(opened.envelope.event()));
    return opened;
}

bool Candidate::is_stored() const {
    if (opened.event.type == kHeartbeat) return false;
    return settled.verdict == lb::v1::VERDICT_ACCEPTED ||
           settled.verdict == lb::v1::VERDICT_UNKNOWN_TYPE ||
           settled.verdict == lb::v1::VERDICT_UNREGISTERED;
}

bool Candidate::is_dead() const {
    return settled.verdict == lb::v1::VERDICT_DENIED ||
           settled.verdict == lb::v1::VERDICT_MALFORMED ||
           settled.verdict == lb::v1::VERDICT_CONFLICT;
}

void Candidate::settle(lb::v1::Verdict verdict, std::string reason) {
    settled = {verdict, printable(reason), 0};
}

Candidate take_in(const Arrived& arrived) {
    Candidate candidate;
    candidate.arrived = &arrived;
    Result<OpenedEvent> opened = open_envelope(arrived.envelope);
    if (!opened.ok()) {
        candidate.settle(lb::v1::VERDICT_MALFORMED, opened.error().text);
        return candidate;
    }
    candidate.opened = std::move(*opened);
    const auto subject = event::parse_subject(candidate.opened.envelope.subject());
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
