// What can be said of an arrived event without the database: is it an envelope, of which subject,
// which event. Pure.
#pragma once

#include <string>
#include <string_view>

#include "bkserver/book/book.h"
#include "common/event/accepted_event.h"
#include "common/event/event.h"
#include "common/event/process_id.h"

namespace lb::book {

// An event on its way through one settlement.
struct Candidate {
    const Arrived* arrived = nullptr;
    event::AcceptedEvent accepted;
    lb::v1::Identity forwarder;  // with its realm
    event::Subject subject;
    std::string subject_text;  // canonical: what the store knows it by
    Settled settled;           // VERDICT_UNSPECIFIED as long as nothing is decided
    store::SubjectNumber subject_number = 0;
    store::ArrivalNumber arrival = 0;

    [[nodiscard]] bool is_settled() const { return settled.verdict != lb::v1::VERDICT_UNSPECIFIED; }
    // An event that stands, or will stand, in the store: heartbeats never do.
    [[nodiscard]] bool is_stored() const;
    [[nodiscard]] bool is_dead() const;
    // The reason is cut to what a dead letter keeps.
    void settle(lb::v1::Verdict verdict, std::string_view reason = {});
};

// A candidate that is settled as VERDICT_MALFORMED, with the reason, when it cannot go on.
Candidate take_in(const Arrived& arrived);

// What the store knows a subject by: an id without its info.
std::string canonical_text(event::Subject subject);
// Fit for a reason: printable ASCII, the rest replaced by '?'.
std::string printable(std::string_view text);

// Codes of the types that the book itself acts upon.
inline constexpr auto kRegistration = static_cast<std::uint16_t>(event::EventType::kRegJob);
inline constexpr auto kBinding = static_cast<std::uint16_t>(event::EventType::kBind);
inline constexpr auto kHeartbeat = static_cast<std::uint16_t>(event::EventType::kVMHeartbeat);

}  // namespace lb::book
