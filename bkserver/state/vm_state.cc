#include "bkserver/state/vm_state.h"

#include <algorithm>

#include "bkserver/state/shapes.h"
#include "common/base/limits.h"
#include "common/event/time_text.h"

namespace lb::state::vm {
namespace {

using M = MainState;

// ---- boundaries

Boundary pending(ClaimPtr claim) {
    return {claim, M::kWaiting, "pending"};
}
Boundary stopped(ClaimPtr claim) {
    return {claim, M::kWaiting, "stopped"};
}
Boundary booting(ClaimPtr claim) {
    return {claim, M::kWaiting, "boot"};
}
Boundary paused(ClaimPtr claim) {
    return {claim, M::kWaiting, "stopped", true};
}
Boundary failed(ClaimPtr claim) {
    return {claim, M::kDone, "failure", false, "FAILED"};
}

Boundary done(const Facts& facts, ClaimPtr claim) {
    const bool is_deleted = claim != nullptr && facts.row_of(*claim)->role == role(Role::kDelete);
    return {claim, M::kDone, "done", false, is_deleted ? "CANCELLED" : "OK"};
}

class Boundaries {
  public:
    void add(const Boundary& boundary) {
        if (boundary.claim == nullptr) return;
        if (newer(boundary.claim, newest_.claim)) newest_ = boundary;
        if (!boundary.is_pause) begin_ = newest(begin_, boundary.claim);
    }
    [[nodiscard]] const Boundary& newest_boundary() const { return newest_; }
    // The newest one that is no pause: a pause does not end the guest's life.
    [[nodiscard]] ClaimPtr begin() const { return begin_; }

  private:
    Boundary newest_;
    ClaimPtr begin_ = nullptr;
};

void add_of_manager(const ManagerFacts& manager, Boundaries& boundaries) {
    boundaries.add(stopped(manager.stop));
    boundaries.add(pending(manager.resume));
    boundaries.add({manager.shutdown, M::kWaiting, "shutdown"});
    boundaries.add(booting(manager.boot));
    boundaries.add(paused(manager.suspend));
    boundaries.add(failed(manager.fail));
}

// A guest's word interrupts only a machine that no host speaks for.
void add_of_guest(const Facts& facts, Boundaries& boundaries) {
    const GuestFacts& guest = facts.guest;
    boundaries.add(failed(guest.fail));
    boundaries.add(done(facts, guest.end));
    boundaries.add(stopped(guest.stop));
    boundaries.add(pending(guest.resume));
    boundaries.add(booting(guest.boot));
}

void add_of_carrier(const HostFacts& host, Boundaries& boundaries) {
    if (newer(host.suspend, newest(host.run, host.running_look)))
        boundaries.add(paused(host.suspend));
    boundaries.add(failed(host.fail));
    // A restore brings back what the manager stopped; of a machine that runs it says nothing.
    if (newer(boundaries.newest_boundary().claim, newest(host.run, host.look())))
        boundaries.add(pending(host.resume));
}

// A stop is a failure if it says so, if the host told of a failure in this life, or if the start
// before it never came to a run.
bool stop_is_failure(const HostFacts& host) {
    const std::string_view reason = host.reason();
    if (reason == "crashed" || reason == "failed") return true;
    if (reason == "shutdown" || reason == "destroyed" || reason == "saved") return false;
    if (newer(host.fail, newest(host.boot, host.run, host.running_look))) return true;
    return host.cold_boot != nullptr && !newer(newest(host.run, host.look()), host.cold_boot);
}

// What a host says counts only while nobody carries the machine.
void add_of_host(const Facts& facts, std::string_view name, const HostFacts& host,
                 Boundaries& boundaries) {
    if (host.is_spokesman) return;
    const bool superseded = facts.is_superseded(name);
    if (host.word != nullptr && host.word == host.cold_boot) boundaries.add(booting(host.word));
    boundaries.add(pending(host.resume));
    boundaries.add(failed(host.fail));
    if (superseded) return;
    if (!facts.is_handed_over(name))
        boundaries.add(stop_is_failure(host) ? failed(host.stop) : stopped(host.stop));
    boundaries.add(done(facts, host.end));
}

Boundaries boundaries_of(const Facts& facts, const HostFacts* carrier) {
    Boundaries boundaries;
    boundaries.add({facts.registration});
    add_of_manager(facts.manager, boundaries);
    if (!facts.any_host_spoke()) add_of_guest(facts, boundaries);
    if (carrier != nullptr) add_of_carrier(*carrier, boundaries);
    if (carrier == nullptr)
        for (const auto& [name, host] : facts.hosts()) add_of_host(facts, name, host, boundaries);
    return boundaries;
}

// ---- what makes it run

// The manager's look counts like its plain word, unless a host told of a stop after that word.
ClaimPtr manager_run(const Facts& facts, bool is_carried) {
    const ManagerFacts& manager = facts.manager;
    bool host_stopped = false;
    for (const auto& [name, host] : facts.hosts())
        host_stopped = host_stopped || newer(host.stop, manager.run);
    return !is_carried && host_stopped ? manager.run : newest(manager.run, manager.run_look);
}

ClaimPtr carrier_run(const HostFacts& carrier, const Boundary& boundary) {
    const ClaimPtr run = newer(carrier.run, carrier.stop) ? carrier.run : nullptr;
    // VMHost does not tell running from paused: it ends no pause.
    return newest(run, carrier.running_look, boundary.is_pause ? nullptr : carrier.has_look);
}

ClaimPtr handed_over_run(const Facts& facts) {
    ClaimPtr run = nullptr;
    for (const auto& [name, host] : facts.hosts())
        if (facts.is_handed_over(name))
            run = newest(run, newest(host.run, host.running_look, host.has_look));
    return run;
}

ClaimPtr run_of(const Facts& facts, const HostFacts* carrier, const Boundary& boundary) {
    const ClaimPtr manager = manager_run(facts, carrier != nullptr);
    if (carrier == nullptr) return newest(manager, handed_over_run(facts));
    return newest(manager, carrier_run(*carrier, boundary));
}

// ---- ends

Phase ended(ClaimPtr claim, std::string_view done_code) {
    Phase phase{M::kDone, "done", done_code};
    phase.decided_by = claim;
    return phase;
}

// Its migration to that host was given up: another one still had it when the host stopped.
bool was_given_up(const Facts& facts, std::string_view name, const HostFacts& host) {
    if (!host.receives()) return false;
    return std::any_of(facts.hosts().begin(), facts.hosts().end(), [&](const auto& entry) {
        const HostFacts& other = entry.second;
        return entry.first != name && other.presence() != nullptr &&
               !newer(host.stop, newest(other.stop, other.presence()));
    });
}

// Nobody but hosts ever managed it, nobody carries it, and the last one that had it forgot it.
ClaimPtr forgotten_by(const Facts& facts) {
    if (facts.manager.spoke) return nullptr;
    ClaimPtr presence = nullptr;
    const HostFacts* last = nullptr;
    for (const auto& [name, host] : facts.hosts()) {
        if (was_given_up(facts, name, host) || !newer(host.presence(), presence)) continue;
        presence = host.presence();
        last = &host;
    }
    return last != nullptr && newer(last->undefine, presence) ? last->undefine : nullptr;
}

Phase running(const Facts& facts, const HostFacts* carrier, ClaimPtr begin) {
    Phase phase{M::kRunning, "running"};
    begin = newest(begin, facts.reboot, carrier == nullptr ? nullptr : carrier->began());
    const ClaimPtr guest = facts.guest.run;
    if (!newer(guest, facts.guest.down)) return phase;
    if (begin != nullptr && order_time_us(*guest) <= order_time_us(*begin) - limits::kSkewUsMax)
        return phase;
    phase.vm_state = "really-running";
    phase.decided_by = guest;
    phase.remark = "the guest confirms that it runs";
    return phase;
}

Phase interrupted(const Boundary& boundary) {
    Phase phase{boundary.to, boundary.vm_state, boundary.done_code, boundary.is_pause};
    phase.decided_by = boundary.claim;
    phase.remark = "the newest claim that interrupts it; no claim that it runs is newer";
    return phase;
}

// The guest alone is believed while no host speaks for the machine. Once one did, somebody else
// must be for it too: a host that has it, or whoever starts it again. It leads out of no failure
// and of no pause.
bool guest_is_believed(const Facts& facts, const HostFacts* carrier, const Boundary& boundary) {
    const ClaimPtr guest = facts.guest.run;
    if (boundary.is_failure() || !newer(guest, boundary.claim)) return false;
    if (!facts.any_host_spoke()) return true;
    if (boundary.is_pause || boundary.claim == facts.registration) return false;
    const bool is_starting = boundary.vm_state == "pending" || boundary.vm_state == "boot";
    return (carrier != nullptr || is_starting) &&
           order_time_us(*guest) > order_time_us(*boundary.claim) + limits::kSkewUsMax;
}

Phase without_end(const Facts& facts, const HostFacts* carrier) {
    const Boundaries boundaries = boundaries_of(facts, carrier);
    const Boundary& boundary = boundaries.newest_boundary();
    const ClaimPtr run = run_of(facts, carrier, boundary);
    if (newer(run, boundary.claim)) {
        Phase phase = running(facts, carrier, boundaries.begin());
        if (phase.decided_by == nullptr) {
            phase.decided_by = run;
            phase.remark = "newer than every claim that interrupts it";
        }
        return phase;
    }
    if (!guest_is_believed(facts, carrier, boundary)) return interrupted(boundary);
    Phase phase = running(facts, carrier, boundaries.begin());
    phase.decided_by = facts.guest.run;
    phase.remark = "the guest runs, and nobody who could know better contradicts";
    return phase;
}

void close(const Facts& facts, Phase& phase) {
    const TrackRow* row = facts.row_of(*facts.manager.end);
    std::vector<std::string> carriers = std::move(phase.carriers);
    phase = ended(facts.manager.end, row->role == role(Role::kDelete) ? "CANCELLED" : "OK");
    phase.is_closed = true;
    phase.remark = "the first end that the manager logged; nothing after it counts";
    phase.carriers = std::move(carriers);
}

}  // namespace

Phase phase_of(const Facts& facts) {
    std::vector<std::string> carriers = facts.carriers();
    const HostFacts* carrier = carriers.empty() ? nullptr : facts.host(carriers.front());
    Phase phase;
    if (facts.manager.end != nullptr) {
        close(facts, phase);
    } else if (const ClaimPtr undefine = carrier == nullptr ? forgotten_by(facts) : nullptr) {
        phase = ended(undefine, "OK");
        phase.remark = "the host that had it last removed its definition";
    } else {
        phase = without_end(facts, carrier);
    }
    phase.carriers = std::move(carriers);
    return phase;
}

namespace {

void place(Life& life, const TrackClaim& claim) {
    const bool nowhere = life.phase.is_closed || life.phase.carriers.empty();
    const std::string host = nowhere ? std::string() : life.phase.carriers.front();
    std::vector<Placement>& all = life.placements;
    const bool is_open = !all.empty() && all.back().to_us == 0;
    if (is_open && all.back().host == host) return;
    if (is_open) all.back().to_us = claim.time_us;
    if (!host.empty()) {
        all.push_back({host, claim.time_us, 0});
        life.carried_by = &claim;
    }
    if (all.size() > limits::kPlacementsMax) all.erase(all.begin());
}

}  // namespace

Life follow(const Machine& machine, const Registers& registers, const HostNames& names,
            bool has_carriers, Draft* draft) {
    Life life{Facts(machine.track, names, has_carriers), {}, nullptr, nullptr, {}};
    for (const TrackClaim& claim : registers.track) {
        life.facts.add(claim);
        life.phase = phase_of(life.facts);
        life.last = &claim;
        place(life, claim);
        if (draft != nullptr)
            draft->course().enter(life.phase.to, claim.time_us, life.phase.done_code == "FAILED",
                                  vm_word_of(life.phase.vm_state));
        if (life.phase.is_closed) break;
    }
    return life;
}

namespace {

std::string_view done_code_of(const Life& life) {
    if (!life.phase.done_code.empty()) return life.phase.done_code;
    return life.facts.failed_done != nullptr ? "FAILED" : "";
}

std::string_view stop_reason_of(const Facts& facts, const Phase& phase) {
    const bool is_shown = phase.carriers.empty() && facts.stop_reason != nullptr &&
                          newer(facts.stop_reason, facts.start);
    return is_shown ? std::string_view(facts.stop_reason->texts[1]) : std::string_view();
}

void show_placements(const Life& life, Draft& draft) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Placement& placement : life.placements) {
        nlohmann::ordered_json entry{{"host", placement.host},
                                     {"from", event::time_to_text(placement.from_us)}};
        if (placement.to_us != 0) entry["to"] = event::time_to_text(placement.to_us);
        list.push_back(std::move(entry));
    }
    if (!list.empty()) draft.set_json(Attr{"placements"}.index, std::move(list));
}

void show(const Life& life, Draft& draft) {
    if (life.last == nullptr) draft.course().set_state_without_time(M::kSubmitted);
    if (life.last != nullptr) draft.course().update(life.last->time_us);
    draft.set("vm_state", life.phase.vm_state);
    draft.set("done_code", done_code_of(life));
    if (draft.has("done_code")) draft.set("exit_code", std::int64_t{0});
    if (!draft.has("vm_system_halting")) draft.set("vm_system_halting", false);
    if (life.phase.is_paused) draft.set("vm_paused", true);
    draft.set("vm_stop_reason", stop_reason_of(life.facts, life.phase));
}

std::string_view carrier_of(const Life& life) {
    return life.phase.carriers.empty() ? life.facts.placement()
                                       : std::string_view(life.phase.carriers.front());
}

Decision decide(const Machine& machine, const Registers& registers, std::string_view attribute,
                bool has_carriers) {
    const HostNames names(registers.track);
    const Life life = follow(machine, registers, names, has_carriers, nullptr);
    if (attribute == "lastUpdateTime") return {life.last, "the newest claim that counts"};
    if (attribute == "vm_stop_reason") return {life.facts.stop_reason, "since the last start"};
    if (attribute == "vm_phy_hostname" || attribute == "placements") {
        const TrackClaim* const placement = life.facts.manager.placement;
        if (life.phase.carriers.empty() && placement != nullptr)
            return {placement, "no host carries it: the manager's placement"};
        if (life.phase.carriers.empty())
            return {life.phase.decided_by, "no host carries it any more"};
        return {life.carried_by, "since this claim the host carries it"};
    }
    const bool is_old_failure = attribute == "done_code" && life.phase.done_code.empty();
    if (is_old_failure) return {life.facts.failed_done, "its newest failure"};
    return {life.phase.decided_by, std::string(life.phase.remark)};
}

}  // namespace

void derive_virtual_machine(const Machine& machine, const Registers& registers, Draft& draft) {
    const HostNames names(registers.track);
    const Life life = follow(machine, registers, names, true, &draft);
    show(life, draft);
    draft.set("vm_phy_hostname", carrier_of(life));
    if (life.phase.vm_state == "done")
        draft.set("location", "none");
    else if (!carrier_of(life).empty())
        draft.set("location", "VMManager/" + std::string(carrier_of(life)));
    show_placements(life, draft);
}

void derive_physical_machine(const Machine& machine, const Registers& registers, Draft& draft) {
    const HostNames names(registers.track);
    show(follow(machine, registers, names, false, &draft), draft);
}

Decision decide_virtual_machine(const Machine& machine, const Registers& registers,
                                std::string_view attribute) {
    return decide(machine, registers, attribute, true);
}

Decision decide_physical_machine(const Machine& machine, const Registers& registers,
                                 std::string_view attribute) {
    return decide(machine, registers, attribute, false);
}

}  // namespace lb::state::vm
