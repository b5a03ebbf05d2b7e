// ULM: the original's text form of an event (one line of KEY=value), read and written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/event/event.h"

namespace lb::event {

// What the daemon that accepted an event first said of it; without an origin it is not known.
struct Stamp {
    std::string origin;  // 16 bytes
    std::uint64_t counter = 0;
    std::int64_t accepted_us = 0;

    bool operator==(const Stamp&) const = default;
};

struct UlmEvent {
    std::string subject;  // text of DG.JOBID (or DG.KEY, ours)
    Event event;
    std::optional<std::int64_t> arrived_us;  // DG.ARRIVED or ARR_DATE: when a server took it
    // Ours, in our dumps only: the event's id (16 bytes), and who proved to have logged it
    // (identity_text). DG.USER says in a dump who logged it; here `event.user` is what the producer
    // stated.
    std::string event_id;
    std::string identity;
    std::vector<std::string> groups;  // of whoever logged it, at that time
    Stamp stamp;
    std::vector<std::string> warnings;  // what was tolerated, for people
};

// Lenient where the original was needlessly strict (README.md of this folder lists where).
// kReject: text is "column N: what is wrong".
Result<UlmEvent> parse_ulm(std::string_view line);
// Every field of the type is written, empty ones as "", as the original did; no line end. What ULM
// has no place for stands under keys of ours, which the original ignores. Zero bytes, which no
// reader takes, become U+FFFD.
std::string write_ulm(const UlmEvent& event);
std::string write_ulm(std::string_view subject, const Event& event);

}  // namespace lb::event
