// Machines whose state is that of the newest claim: fold the track in key order (state-model 7).
#pragma once

#include <initializer_list>
#include <string_view>

#include "bkserver/state/machine.h"

namespace lb::state::plain {

// Role of a row: its rank. A claim below the highest rank seen is evidence only.
constexpr std::uint32_t rank(std::uint32_t value) {
    return value;
}
// Added to the rank: it is done, but with a failure.
inline constexpr std::uint32_t kBad = 1U << 16;

void derive(const Machine& machine, const Registers& registers, Draft& draft);
Decision decide(const Machine& machine, const Registers& registers, std::string_view attribute);

// Numbers that nobody claimed show as 0, as in the original's status.
void show_zeros(Draft& draft, std::initializer_list<Attr> attributes);

// What the fold found, for machines that add to it.
struct Fold {
    const TrackClaim* moved = nullptr;  // the claim that brought the present state
    const TrackRow* row = nullptr;      // its row
    std::string_view phase;             // newest state word of the type's own
    const TrackClaim* last = nullptr;
};
// `draft` may be null.
Fold fold(const Machine& machine, const Registers& registers, Draft* draft);

}  // namespace lb::state::plain
