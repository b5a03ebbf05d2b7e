// What OpenNebula's state codes mean. A virtual machine has a STATE and, while that is ACTIVE, an
// LCM_STATE; a host has a STATE. One row a code, after VirtualMachine.h and Host.h of OpenNebula
// 5.10 to 7; codes that later versions gave up stay, for hooks of older ones.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace lb::opennebula {

// The phases of a machine's life that the bookkeeping knows.
enum class Phase : std::uint8_t {
    kPending,
    kBoot,
    kRunning,
    kShutdown,
    kStopped,
    kDone,
    kFailure,
    kUnknown,  // contact lost: says nothing of the machine
};

struct StateRow {
    int code = 0;
    std::string_view name;
    Phase phase = Phase::kUnknown;
    bool is_gone = false;  // only versions before 5.10 have it
};

inline constexpr int kActive = 3;  // STATE: then LCM_STATE says more

std::span<const StateRow> vm_states();
std::span<const StateRow> lcm_states();
std::span<const StateRow> host_states();

// The row of a code, of a name ("BOOT_FAILURE", as old hooks say them); null when there is none.
const StateRow* find_state(std::span<const StateRow> rows, int code);
const StateRow* find_state(std::span<const StateRow> rows, std::string_view name);

// The row that decides about a machine of this STATE and LCM_STATE: null for codes that a newer
// OpenNebula may have brought.
const StateRow* find_vm_state(int state, int lcm_state);

}  // namespace lb::opennebula
