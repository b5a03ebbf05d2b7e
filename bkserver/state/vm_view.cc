#include "bkserver/state/vm_view.h"

#include <algorithm>
#include <optional>

#include "bkserver/state/vm_state.h"
#include "common/base/limits.h"

namespace lb::state::vm {
namespace {

constexpr int kHeartbeatsMissed = 3;

// What the manager says: its newest claim about the state, looks included.
ClaimPtr manager_word(const ManagerFacts& manager) {
    return newest(manager.run, manager.run_look, manager.stop, manager.shutdown, manager.resume,
                  manager.boot, manager.suspend, manager.fail, manager.end);
}

bool says_running(const ManagerFacts& manager) {
    const ClaimPtr word = manager_word(manager);
    return word != nullptr && (word == manager.run || word == manager.run_look);
}

bool says_stopped(const ManagerFacts& manager) {
    const ClaimPtr word = manager_word(manager);
    return manager.end != nullptr || (word != nullptr && word == manager.stop);
}

// Everything that the names are judged by: all claims, those after the end too.
struct Scene {
    Facts facts;
    Phase phase;                        // as the status shows it
    std::vector<std::string> carriers;  // that spoke themselves
    const ViewInput& input;
    View& view;

    // The guest's newest, through whichever host it came.
    [[nodiscard]] std::optional<std::int64_t> heartbeat() const {
        std::optional<std::int64_t> newest_us;
        for (const Sighting& seen : input.heartbeats)
            if (seen.who == "VMSystem")
                newest_us = std::max(newest_us.value_or(seen.at_us), seen.at_us);
        return newest_us;
    }

    // Adds it once it is older than the grace time; says when that will be, if not yet.
    void add(std::string_view name, std::int64_t since_us, std::string text,
             std::string_view party) const {
        const std::int64_t due_us = since_us + input.grace_us;
        if (due_us > input.now_us) {
            view.next_due_us = std::min(view.next_due_us.value_or(due_us), due_us);
            return;
        }
        const bool is_stale =
            std::find(view.stale.begin(), view.stale.end(), party) != view.stale.end();
        view.disagreements.push_back({std::string(name), since_us, std::move(text),
                                      is_stale ? std::string(party) : std::string()});
    }
};

std::int64_t time_of(ClaimPtr claim) {
    return claim == nullptr ? 0 : claim->time_us;
}

void check_lost(const Scene& scene) {
    const Facts& facts = scene.facts;
    if (!says_running(facts.manager) || !facts.any_host_spoke() || !scene.carriers.empty()) return;
    std::int64_t since = time_of(manager_word(facts.manager));
    for (const auto& [name, host] : facts.hosts()) {
        if (facts.is_handed_over(name) || (host.is_spokesman && host.is_up())) return;
        since = std::max(since, time_of(host.word));
    }
    scene.add("lost", since, "the manager says it runs, no host carries it", {});
}

void check_stray(const Scene& scene) {
    if (scene.carriers.empty() || !says_stopped(scene.facts.manager)) return;
    const std::string& host = scene.carriers.front();
    const ClaimPtr word = scene.facts.host(host)->word;
    const ClaimPtr manager = newest(scene.facts.manager.stop, scene.facts.manager.end);
    scene.add("stray", std::max(time_of(word), time_of(manager)),
              host + " carries it, the manager says it is stopped or done", host);
}

void check_zombie(const Scene& scene) {
    const Phase& phase = scene.phase;
    const bool is_off =
        (phase.vm_state == "stopped" && !phase.is_paused) || phase.vm_state == "done";
    if (!is_off || phase.decided_by == nullptr) return;
    const GuestFacts& guest = scene.facts.guest;
    std::int64_t seen = scene.heartbeat().value_or(0);
    if (newer(guest.run, guest.down)) seen = std::max(seen, time_of(guest.run));
    if (seen <= phase.decided_by->time_us + limits::kSkewUsMax) return;
    scene.add("zombie", seen,
              "the guest speaks though the machine is " + std::string(phase.vm_state), {});
}

void check_silent(const Scene& scene) {
    const auto seen = scene.heartbeat();
    if (!seen || scene.phase.to != MainState::kRunning) return;
    const std::int64_t silent_at = *seen + kHeartbeatsMissed * scene.input.heartbeat_period_us;
    if (silent_at > scene.input.now_us) {
        scene.view.next_due_us = std::min(scene.view.next_due_us.value_or(silent_at), silent_at);
        return;
    }
    scene.view.disagreements.push_back(
        {"silent", *seen, "the guest used to speak and is silent", {}});
}

void check_misplaced(const Scene& scene) {
    const std::string_view placement = scene.facts.placement();
    if (scene.phase.to != MainState::kRunning || scene.carriers.empty() || placement.empty())
        return;
    const std::string& host = scene.carriers.front();
    if (host == placement) return;
    const HostFacts& carrier = *scene.facts.host(host);
    const ClaimPtr opened = newest(carrier.opened(), carrier.look());
    // While the host receives it there is its boot alone, and the manager need not know yet.
    const std::int64_t since = time_of(opened != nullptr ? opened : carrier.boot);
    scene.add("misplaced", std::max(since, time_of(scene.facts.manager.placement)),
              "it runs on " + host + ", the manager placed it on " + std::string(placement), host);
}

void check_split(const Scene& scene) {
    std::vector<std::string> settled;
    std::int64_t since = 0;
    for (const std::string& name : scene.carriers) {
        const HostFacts& host = *scene.facts.host(name);
        if (host.receives()) continue;
        settled.push_back(name);
        since = std::max(since, time_of(newest(host.opened(), host.look())));
    }
    if (settled.size() < 2) return;
    scene.add("split", since, settled[0] + " and " + settled[1] + " both carry it", settled[1]);
}

}  // namespace

void add_disagreements(const Machine& machine, const Registers& registers, const ViewInput& input,
                       View& view) {
    const bool has_carriers = machine.word == "virtual_machine";
    const HostNames names(registers.track);
    const Life life = follow(machine, registers, names, has_carriers, nullptr);
    Scene scene{Facts(machine.track, names, has_carriers), life.phase, {}, input, view};
    for (const TrackClaim& claim : registers.track) scene.facts.add(claim);
    for (std::string& name : scene.facts.carriers())
        if (!scene.facts.host(name)->is_spokesman) scene.carriers.push_back(std::move(name));
    check_lost(scene);
    check_misplaced(scene);
    check_silent(scene);
    check_split(scene);
    check_stray(scene);
    check_zombie(scene);
}

}  // namespace lb::state::vm
