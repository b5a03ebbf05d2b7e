// The two ways into the registers: a claim on a plain register, a claim of the track. What stays is
// a choice by keys alone: top-k and first-k of groups. So choosing from (choice of A + choice of B)
// is choosing from A + B, and a claim that was dropped can never come back into play.
#pragma once

#include <cstdint>

#include "bkserver/state/machine.h"
#include "bkserver/state/registers.h"

namespace lb::state {

// True when the claim won its place.
bool put_claim(Registers& registers, const AttributeInfo& info, const std::string& name,
               Claim claim);

// Inserts the claim and drops what the bounds of its row and source no longer hold.
void put_track(Registers& registers, TrackClaim claim, Groups groups);

}  // namespace lb::state
