// The two ways into the registers: a claim on a plain register, a claim of the track. What stays is
// a choice by keys alone: top-k and first-k of groups. So choosing from (choice of A + choice of B)
// is choosing from A + B, and a claim that was dropped can never come back into play.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bkserver/state/machine.h"
#include "bkserver/state/registers.h"
#include "common/base/limits.h"

namespace lb::state {

// True when the claim won its place. Texts that are too long are cut (claim_limits.h).
bool put_claim(Registers& registers, const AttributeInfo& info, std::string name, Claim claim);

// How much stays of the claims of one row and source.
struct Bounds {
    Groups groups = Groups::kNone;
    std::size_t newest = limits::kTrackNewestPerGroup;  // of each group
};
// `machine` may be nullptr, the row one of other rules.
Bounds bounds_of(const Machine* machine, std::uint16_t row);

// Inserts the claim and drops what the bounds no longer hold.
void put_track(Registers& registers, TrackClaim claim, const Bounds& bounds);

}  // namespace lb::state
