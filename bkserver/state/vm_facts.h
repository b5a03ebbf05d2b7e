// What the hosts, the manager and the guest have said of a machine, and which host carries it
// (state-model 11.2). Claims are added in key order; at every point the facts depend on the claims
// so far and on nothing else. Pointers are into the registers' track and live as long as it does.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bkserver/state/registers.h"
#include "bkserver/state/row.h"
#include "bkserver/state/vm_roles.h"

namespace lb::state::vm {

// A migration that was announced this long before a host prepares to receive it belongs to that.
inline constexpr std::int64_t kIncomingUs = 60'000'000;

using ClaimPtr = const TrackClaim*;  // nullptr: nobody ever said so

// nullptr is older than everything.
bool newer(ClaimPtr a, ClaimPtr b);
ClaimPtr newest(ClaimPtr a, ClaimPtr b);
template <typename... More>
ClaimPtr newest(ClaimPtr a, ClaimPtr b, More... more) {
    return newest(newest(a, b), more...);
}
// Time in the order of claims. The registration is before all time.
std::int64_t order_time_us(const TrackClaim& claim);

// The host from which the manager spoke last; empty if it never did.
std::string_view manager_host(const std::vector<TrackClaim>& track);

// The newest word of each kind that one host said of the machine.
struct HostFacts {
    ClaimPtr word = nullptr;  // boot, run, look, suspend or stop
    ClaimPtr boot = nullptr;
    ClaimPtr cold_boot = nullptr;
    ClaimPtr run = nullptr;  // VMRunning, or VMMigrate OK to this host
    ClaimPtr running_look = nullptr;
    ClaimPtr has_look = nullptr;  // VMHost: has it, running or paused
    ClaimPtr suspend = nullptr;
    ClaimPtr suspend_look = nullptr;
    ClaimPtr stop = nullptr;
    ClaimPtr stop_reason = nullptr;  // newest stop that gives a reason
    ClaimPtr resume = nullptr;
    ClaimPtr fail = nullptr;
    ClaimPtr end = nullptr;        // VMDone OK or DELETE by the host
    ClaimPtr arrival = nullptr;    // VMMigrate OK to this host
    ClaimPtr migration = nullptr;  // VMMigrate START to this host, its own
    ClaimPtr announced = nullptr;  // VMMigrate START to this host, the manager's
    ClaimPtr undefine = nullptr;
    bool spoke = false;
    bool is_incoming = false;   // its newest boot belongs to a migration
    bool is_spokesman = false;  // the manager speaks for it, it never spoke itself
    bool spokesman_is_up = false;

    [[nodiscard]] bool is_up() const;
    [[nodiscard]] ClaimPtr look() const { return newest(running_look, has_look, suspend_look); }
    [[nodiscard]] ClaimPtr presence() const { return newest(boot, run, look()); }
    // Memory is still being copied to it.
    [[nodiscard]] bool receives() const;
    // Since when it has the machine; nullptr while it receives.
    [[nodiscard]] ClaimPtr opened() const;
    // What the guest's present life on it is younger than: its newest cold boot, or the stop before
    // its run unless the machine came back by a migration.
    [[nodiscard]] ClaimPtr began() const;
    // Why it stopped, since its last start; empty if nobody said.
    [[nodiscard]] std::string_view reason() const;
    [[nodiscard]] bool handed_over() const { return !is_up() && reason() == "migrated"; }
};

// What the manager, and whoever acts for it by hand, said last.
struct ManagerFacts {
    ClaimPtr run = nullptr;
    ClaimPtr run_look = nullptr;
    ClaimPtr placement = nullptr;  // newest claim that names a host
    ClaimPtr stop = nullptr;
    ClaimPtr shutdown = nullptr;
    ClaimPtr resume = nullptr;
    ClaimPtr boot = nullptr;
    ClaimPtr suspend = nullptr;
    ClaimPtr fail = nullptr;
    ClaimPtr end = nullptr;  // the FIRST VMDone OK or DELETE
    bool spoke = false;      // a CloudManager said anything at all
};

struct GuestFacts {
    ClaimPtr run = nullptr;
    ClaimPtr down = nullptr;
    ClaimPtr boot = nullptr;
    ClaimPtr stop = nullptr;
    ClaimPtr resume = nullptr;
    ClaimPtr fail = nullptr;
    ClaimPtr end = nullptr;  // VMDone OK or DELETE
};

// Short and full names of one host are one host: "node1" is "node1.example.org" if only one full
// name begins like that.
class HostNames {
  public:
    explicit HostNames(const std::vector<TrackClaim>& track);
    [[nodiscard]] std::string_view full(std::string_view name) const;

  private:
    std::map<std::string, std::string, std::less<>> full_by_short_;
};

class Facts {
  public:
    // Machines that no host carries (physical ones): what a host says is said by the manager.
    Facts(std::span<const TrackRow> rows, const HostNames& names, bool has_carriers)
        : rows_(rows), names_(names), has_carriers_(has_carriers) {}

    // Claims must come in ascending order of their keys.
    void add(const TrackClaim& claim);

    // Hosts that carry the machine now, the first carrier first. Hosts for which only the manager
    // speaks are among them.
    [[nodiscard]] std::vector<std::string> carriers() const;
    [[nodiscard]] const HostFacts* host(std::string_view name) const;
    [[nodiscard]] const std::map<std::string, HostFacts, std::less<>>& hosts() const {
        return hosts_;
    }
    [[nodiscard]] bool is_superseded(std::string_view name) const;
    // The host's stop passed the machine on to nobody who said so: it runs on somewhere.
    [[nodiscard]] bool is_handed_over(std::string_view name) const;
    [[nodiscard]] bool any_host_spoke() const { return any_host_spoke_; }
    // The manager's placement; empty if it never named a host.
    [[nodiscard]] std::string_view placement() const;

    [[nodiscard]] std::string_view full_name(const TrackClaim& claim) const;
    [[nodiscard]] const TrackRow* row_of(const TrackClaim& claim) const;

    ManagerFacts manager;
    GuestFacts guest;
    ClaimPtr registration = nullptr;
    ClaimPtr reboot = nullptr;       // by anybody
    ClaimPtr stop_reason = nullptr;  // newest stop of anybody that gives a reason
    ClaimPtr failed_done = nullptr;  // newest VMDone FAILURE of anybody
    ClaimPtr start = nullptr;        // newest boot or run of anybody

  private:
    void add_host(const TrackClaim& claim, Role role);
    void add_manager(const TrackClaim& claim, Role role);
    void add_guest(const TrackClaim& claim, Role role);
    void announce(const TrackClaim& claim);
    void refresh_spokesman();

    std::span<const TrackRow> rows_;
    const HostNames& names_;
    bool has_carriers_;
    bool any_host_spoke_ = false;
    std::map<std::string, HostFacts, std::less<>> hosts_;
};

}  // namespace lb::state::vm
