// The state of a machine from its facts (state-model 11.3, 11.4), and its status: the state
// followed along the track, so that the times of entering come out whatever the order of arrival
// was.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bkserver/state/draft.h"
#include "bkserver/state/machine.h"
#include "bkserver/state/vm_facts.h"

namespace lb::state::vm {

// What the newest claim that interrupts a life says: the machine is stopped, failed, waits to be
// started. Everything older than it is of an earlier life.
struct Boundary {
    ClaimPtr claim = nullptr;
    MainState to = MainState::kSubmitted;
    std::string_view vm_state = "pending";
    bool is_pause = false;
    std::string_view done_code = {};

    [[nodiscard]] bool is_failure() const { return vm_state == "failure"; }
};

struct Phase {
    MainState to = MainState::kSubmitted;
    std::string_view vm_state = "pending";
    std::string_view done_code = {};
    bool is_paused = false;
    bool is_closed = false;  // done for good
    ClaimPtr decided_by = nullptr;
    std::string_view remark = {};
    std::vector<std::string> carriers = {};
};

Phase phase_of(const Facts& facts);

// One interval on one host.
struct Placement {
    std::string host;
    std::int64_t from_us = 0;
    std::int64_t to_us = 0;  // 0: still there
};

// The facts as they stood when the machine was closed (or stand now), and what the way there was.
struct Life {
    Facts facts;
    Phase phase;
    ClaimPtr last = nullptr;        // the newest claim that counts
    ClaimPtr carried_by = nullptr;  // the claim that made the first carrier what it is
    std::vector<Placement> placements;
};
// Follows the track; `draft` (may be null) enters the states on the way. Claims after the closing
// VMDone are not looked at.
Life follow(const Machine& machine, const Registers& registers, const HostNames& names,
            bool has_carriers, Draft* draft);

void derive_virtual_machine(const Machine& machine, const Registers& registers, Draft& draft);
void derive_physical_machine(const Machine& machine, const Registers& registers, Draft& draft);
Decision decide_virtual_machine(const Machine& machine, const Registers& registers,
                                std::string_view attribute);
Decision decide_physical_machine(const Machine& machine, const Registers& registers,
                                 std::string_view attribute);

}  // namespace lb::state::vm
