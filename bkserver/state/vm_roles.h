// What a claim of a machine's track means to the rules of vm_facts.h and vm_state.h.
#pragma once

#include <cstdint>

namespace lb::state::vm {

enum class Role : std::uint32_t {
    kEvidence,      // somebody spoke; moves nothing
    kRegistered,    // RegJob
    kRun,           // it runs
    kRunLook,       // found running at (re)connect
    kHas,           // a host has it, running or paused
    kPlacement,     // the manager says on which host it is
    kShutdown,      // the manager shuts it down
    kGuestDown,     // the guest goes down
    kStop,          // it stopped
    kStopLook,      // found stopped at (re)connect
    kResume,        // asked to come back
    kBoot,          // being started
    kSuspend,       // paused in memory
    kSuspendLook,   // found paused at (re)connect
    kReboot,        // the guest restarts
    kFail,          // failed, not final
    kFailedDone,    // VMDone FAILURE: failed, not final, and done_code says so from then on
    kEnd,           // VMDone OK
    kDelete,        // VMDone DELETE
    kMigrateStart,  // a migration to the kept host begins
    kMigrateOk,     // it runs at the kept host now
    kUndefine,      // the kept host forgot it
};

constexpr std::uint32_t role(Role value) {
    return static_cast<std::uint32_t>(value);
}

}  // namespace lb::state::vm
