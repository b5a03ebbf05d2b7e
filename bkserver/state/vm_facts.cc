#include "bkserver/state/vm_facts.h"

#include <algorithm>

#include "bkserver/state/machine.h"
#include "common/base/limits.h"

namespace lb::state::vm {
namespace {

// Layout of an order key without logical clock (common/event/order_key.h).
constexpr std::size_t kTimeAt = 1;
constexpr std::size_t kTimeBytes = 8;

std::string_view text(const TrackClaim& claim, std::size_t index) {
    return index < claim.texts.size() ? std::string_view(claim.texts[index]) : std::string_view();
}

// A START belongs to a boot of the same host that follows it soon, without a stop in between. The
// manager's clock may be off by the skew in either direction.
bool announces(ClaimPtr start, ClaimPtr boot, ClaimPtr stop, std::int64_t skew_us) {
    if (start == nullptr || boot == nullptr) return false;
    const std::int64_t lead = order_time_us(*boot) - order_time_us(*start);
    if (lead > kIncomingUs + skew_us || lead < -skew_us) return false;
    return !(newer(stop, start) && newer(boot, stop));
}

bool is_incoming(const HostFacts& host) {
    const bool own =
        newer(host.boot, host.migration) && announces(host.migration, host.boot, host.stop, 0);
    return own || announces(host.announced, host.boot, host.stop, limits::kSkewUsMax);
}

}  // namespace

bool newer(ClaimPtr a, ClaimPtr b) {
    if (a == nullptr) return false;
    return b == nullptr || a->key > b->key;
}

ClaimPtr newest(ClaimPtr a, ClaimPtr b) {
    return newer(b, a) ? b : a;
}

std::int64_t order_time_us(const TrackClaim& claim) {
    if (claim.key.size() < kTimeAt + kTimeBytes || claim.key[0] == 0) return INT64_MIN / 2;
    std::uint64_t time = 0;
    for (std::size_t i = kTimeAt; i < kTimeAt + kTimeBytes; ++i)
        time = time << 8U | static_cast<unsigned char>(claim.key[i]);
    // The sign bit is turned over in keys. A forged time must not overflow the differences taken of
    // it.
    constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63U;
    constexpr std::int64_t kFar = INT64_MAX / 4;
    return std::clamp(static_cast<std::int64_t>(time ^ kSignBit), -kFar, kFar);
}

std::string_view manager_host(const std::vector<TrackClaim>& track) {
    for (auto claim = track.rbegin(); claim != track.rend(); ++claim)
        if (claim->source == event::Source::kCloudManager && !text(*claim, 2).empty())
            return text(*claim, 2);
    return {};
}

// ---- one host

bool HostFacts::is_up() const {
    if (is_spokesman) return spokesman_is_up;
    return word != nullptr && word != stop && word != boot && word != end;
}

bool HostFacts::receives() const {
    return boot != nullptr && is_incoming && !newer(newest(arrival, look()), boot);
}

ClaimPtr HostFacts::opened() const {
    return receives() ? nullptr : newest(boot, run);
}

ClaimPtr HostFacts::began() const {
    const bool came_by_migration = newer(arrival, stop) || (is_incoming && newer(boot, stop));
    return came_by_migration ? cold_boot : newest(cold_boot, stop);
}

std::string_view HostFacts::reason() const {
    if (!newer(stop_reason, newest(boot, run))) return {};
    return text(*stop_reason, 1);
}

// ---- host names

HostNames::HostNames(const std::vector<TrackClaim>& track) {
    std::set<std::string, std::less<>> full;
    for (const TrackClaim& claim : track)
        if (text(claim, 0).find('.') != std::string_view::npos) full.emplace(text(claim, 0));
    std::set<std::string> ambiguous;
    for (const std::string& name : full) {
        std::string first = name.substr(0, name.find('.'));
        if (first.find_first_not_of("0123456789") == std::string::npos) continue;  // an address
        if (!full_by_short_.emplace(first, name).second) ambiguous.insert(first);
    }
    for (const std::string& name : ambiguous) full_by_short_.erase(name);
}

std::string_view HostNames::full(std::string_view name) const {
    const auto at = full_by_short_.find(name);
    return at == full_by_short_.end() ? name : std::string_view(at->second);
}

// ---- all together

const TrackRow* Facts::row_of(const TrackClaim& claim) const {
    return find_row(rows_, claim.row);
}

std::string_view Facts::full_name(const TrackClaim& claim) const {
    return names_.full(text(claim, 0));
}

void Facts::add(const TrackClaim& claim) {
    manager.spoke = manager.spoke || claim.source == event::Source::kCloudManager;
    const TrackRow* row = row_of(claim);
    if (row == nullptr) return;  // a touch, or a row of other rules
    const Role meaning = static_cast<Role>(row->role);
    if (meaning == Role::kRegistered) {
        if (registration == nullptr) registration = &claim;
        return;
    }
    if (meaning == Role::kReboot) reboot = &claim;
    if (claim.source == event::Source::kVmSystem)
        add_guest(claim, meaning);
    else if (claim.source == event::Source::kVmManager && has_carriers_)
        add_host(claim, meaning);
    else
        add_manager(claim, meaning);
    if (meaning == Role::kStop && !text(claim, 1).empty()) stop_reason = &claim;
    if (meaning == Role::kFailedDone) failed_done = &claim;
    refresh_spokesman();
}

// Evidence and reboots do not tell whether the host has the machine: it did not speak for it.
void Facts::add_host(const TrackClaim& claim, Role meaning) {
    if (meaning == Role::kEvidence || meaning == Role::kReboot) return;
    const std::string name(full_name(claim));
    HostFacts& host = hosts_[name];
    any_host_spoke_ = true;
    if (host.is_spokesman) host = HostFacts{.announced = host.announced};
    host.spoke = true;
    switch (meaning) {
        case Role::kBoot:
            host.word = host.boot = start = &claim;
            host.is_incoming = is_incoming(host);
            if (!host.is_incoming) host.cold_boot = &claim;
            break;
        case Role::kMigrateOk:
            host.word = host.run = host.arrival = start = &claim;
            break;
        case Role::kRun:
            host.word = host.run = start = &claim;
            break;
        case Role::kRunLook:
            host.word = host.running_look = &claim;
            break;
        case Role::kHas:
            host.word = host.has_look = &claim;
            break;
        case Role::kSuspend:
            host.word = host.suspend = &claim;
            break;
        case Role::kSuspendLook:
            host.word = host.suspend = host.suspend_look = &claim;
            break;
        case Role::kStopLook:
            if (host.presence() == nullptr) break;  // it never had the machine
            host.word = host.stop = &claim;
            break;
        case Role::kStop:
            host.word = host.stop = &claim;
            if (!text(claim, 1).empty()) host.stop_reason = &claim;
            break;
        case Role::kResume:
            host.resume = &claim;
            break;
        case Role::kFail:
        case Role::kFailedDone:
            host.fail = &claim;
            break;
        case Role::kEnd:
        case Role::kDelete:
            host.word = host.end = &claim;
            break;
        case Role::kMigrateStart:
            host.migration = &claim;
            break;
        case Role::kUndefine:
            host.undefine = &claim;
            break;
        case Role::kEvidence:
        case Role::kRegistered:
        case Role::kPlacement:
        case Role::kShutdown:
        case Role::kGuestDown:
        case Role::kReboot:
            break;
    }
}

void Facts::add_manager(const TrackClaim& claim, Role meaning) {
    if (meaning == Role::kMigrateStart)
        announce(claim);
    else if (meaning != Role::kEvidence && !text(claim, 0).empty())
        manager.placement = &claim;
    switch (meaning) {
        case Role::kRun:
            manager.run = start = &claim;
            break;
        case Role::kRunLook:
            manager.run_look = &claim;
            break;
        case Role::kShutdown:
            manager.shutdown = &claim;
            break;
        case Role::kStop:
        case Role::kStopLook:
            manager.stop = &claim;
            break;
        case Role::kResume:
            manager.resume = &claim;
            break;
        case Role::kBoot:
            manager.boot = start = &claim;
            break;
        case Role::kSuspend:
        case Role::kSuspendLook:
            manager.suspend = &claim;
            break;
        case Role::kFail:
        case Role::kFailedDone:
            manager.fail = &claim;
            break;
        case Role::kEnd:
        case Role::kDelete:
            if (manager.end == nullptr) manager.end = &claim;
            break;
        case Role::kEvidence:
        case Role::kRegistered:
        case Role::kHas:
        case Role::kPlacement:
        case Role::kGuestDown:
        case Role::kReboot:
        case Role::kMigrateStart:
        case Role::kMigrateOk:
        case Role::kUndefine:
            break;
    }
}

void Facts::add_guest(const TrackClaim& claim, Role meaning) {
    if (meaning == Role::kRun) guest.run = &claim;
    if (meaning == Role::kGuestDown) guest.down = &claim;
    if (meaning == Role::kBoot) guest.boot = &claim;
    if (meaning == Role::kStop) guest.stop = &claim;
    if (meaning == Role::kResume) guest.resume = &claim;
    if (meaning == Role::kFailedDone) guest.fail = &claim;
    if (meaning == Role::kEnd || meaning == Role::kDelete) guest.end = &claim;
}

// The manager says that a migration to a host begins; its word may come after the host's boot.
void Facts::announce(const TrackClaim& claim) {
    if (text(claim, 0).empty()) return;
    HostFacts& host = hosts_[std::string(full_name(claim))];
    host.announced = &claim;
    if (host.boot == nullptr || host.is_incoming || !is_incoming(host)) return;
    host.is_incoming = true;
    if (host.cold_boot == host.boot) host.cold_boot = nullptr;
}

// If the manager's newest VMRunning is for a host that never spoke, it is that host's word.
void Facts::refresh_spokesman() {
    for (auto& [name, host] : hosts_)
        if (host.is_spokesman) host = HostFacts{.announced = host.announced};
    if (!has_carriers_ || manager.run == nullptr || placement().empty()) return;
    const std::string_view named = full_name(*manager.run);
    if (!named.empty() && hosts_[std::string(named)].spoke) return;
    HostFacts& host = hosts_[std::string(placement())];
    if (host.spoke) return;
    host.is_spokesman = true;
    host.run = host.word = manager.run;
    host.spokesman_is_up = !newer(
        newest(manager.stop, manager.fail, manager.boot, manager.resume, manager.end), manager.run);
}

std::string_view Facts::placement() const {
    return manager.placement == nullptr ? std::string_view() : full_name(*manager.placement);
}

const HostFacts* Facts::host(std::string_view name) const {
    const auto at = hosts_.find(name);
    return at == hosts_.end() ? nullptr : &at->second;
}

bool Facts::is_superseded(std::string_view name) const {
    const HostFacts& own = hosts_.find(name)->second;
    const ClaimPtr started = newest(own.boot, own.run);
    return std::any_of(hosts_.begin(), hosts_.end(), [&](const auto& entry) {
        if (entry.first == name) return false;
        const ClaimPtr opened = entry.second.opened();
        return newer(opened, started) && (!own.is_up() || newer(opened, own.word));
    });
}

bool Facts::is_handed_over(std::string_view name) const {
    const HostFacts& own = hosts_.find(name)->second;
    if (!own.handed_over()) return false;
    return std::none_of(hosts_.begin(), hosts_.end(), [&](const auto& entry) {
        return entry.first != name && newer(entry.second.run, own.run);
    });
}

std::vector<std::string> Facts::carriers() const {
    struct Candidate {
        std::string_view name;
        const HostFacts* host;
        ClaimPtr rank;
    };
    std::vector<Candidate> found;
    for (const auto& [name, host] : hosts_) {
        if (!host.is_up() || is_superseded(name)) continue;
        // A look tells since when it carries only if no run since its last stop does.
        const bool ran = newer(host.run, host.stop);
        found.push_back({name, &host, ran ? host.opened() : newest(host.opened(), host.look())});
    }
    std::stable_sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
        const bool receives = a.host->receives();
        if (receives != b.host->receives()) return !receives;
        return receives ? newer(b.host->word, a.host->word) : newer(a.rank, b.rank);
    });
    std::vector<std::string> names;
    for (const Candidate& candidate : found) names.emplace_back(candidate.name);
    return names;
}

}  // namespace lb::state::vm
