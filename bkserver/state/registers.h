// What the server remembers of one process instead of its history: for each register the claim that
// won, and for the state the track, a bounded choice of the claims that moved it. Which claims stay
// is decided by their keys alone, so any order of arrival, any duplication and any split and merge
// of the same events gives the same registers, and equal registers are equal bytes.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/event/event.h"

namespace lb::state {

// Of the tables in this folder. Registers of a greater version must not be overwritten.
inline constexpr std::uint32_t kRulesVersion = 6;

// A claim that won a plain register: the newest or the first, by key.
struct Claim {
    std::string key;  // order key of the event (common/event/order_key.h)
    std::string value;
    std::string event_id;  // 16 bytes
    std::string label;     // of registers kept per name: the name as the newest event spelled it
    std::int64_t time_us = 0;
    event::Source source = event::Source::kUndefined;

    bool operator==(const Claim&) const = default;
};

// Where a claim is kept: the register, and for registers kept per name the name in lower case.
struct Slot {
    std::uint16_t register_number;
    std::string name;

    auto operator<=>(const Slot&) const = default;
};

// A claim kept because it moved, or may have moved, the state.
struct TrackClaim {
    std::string key;
    std::uint16_t row = 0;  // TrackRow::id; stable over versions
    event::Source source = event::Source::kUndefined;
    std::int64_t time_us = 0;
    std::string event_id;
    bool is_resync = false;
    std::vector<std::string> texts;  // those that the row names, in its order

    auto operator<=>(const TrackClaim& other) const { return key <=> other.key; }
    bool operator==(const TrackClaim& other) const { return key == other.key; }
};

struct Registers {
    std::uint32_t rules_version = kRulesVersion;
    // lb.v1.ProcessType by which the claims were folded; 0 while nobody registered the process and
    // no key implies what it is.
    std::uint32_t type = 0;
    std::map<Slot, Claim> claims;
    std::vector<TrackClaim> track;         // ascending by key, no two with one key
    std::vector<std::uint16_t> truncated;  // registers that reached their limit, ascending
    bool track_truncated = false;  // the track dropped a claim: old entry times may be missing
    bool not_understood = false;  // an event that these rules do not know: rebuild after an upgrade

    bool operator==(const Registers& other) const { return encode() == other.encode(); }

    // Canonical: equal registers give equal bytes.
    [[nodiscard]] std::string encode() const;
    // kCorrupt when the bytes are no registers; kUnsupported when a newer server wrote them.
    static Result<Registers> decode(std::string_view bytes);
};

// Bytes of memory that they take beside the structure itself, with what an allocator adds.
std::size_t memory_of(const Registers& registers);

}  // namespace lb::state
