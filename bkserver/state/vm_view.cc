#include "bkserver/state/vm_view.h"

#include <algorithm>
#include <initializer_list>
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

// What is wrong at one point of the story, by the claims up to there.
struct Standing {
    bool is_lost = false;
    bool is_stray = false;
    bool is_zombie = false;
    bool is_misplaced = false;
    bool is_split = false;
};

// Since when each has been so without a break. A claim that only repeats or confirms what was known
// begins nothing.
class Watch {
  public:
    void see(const Standing& now, std::int64_t time_us) {
        keep(lost_us, now.is_lost, time_us);
        keep(stray_us, now.is_stray, time_us);
        keep(zombie_us, now.is_zombie, time_us);
        keep(misplaced_us, now.is_misplaced, time_us);
        keep(split_us, now.is_split, time_us);
    }
    std::optional<std::int64_t> lost_us;
    std::optional<std::int64_t> stray_us;
    std::optional<std::int64_t> zombie_us;
    std::optional<std::int64_t> misplaced_us;
    std::optional<std::int64_t> split_us;

  private:
    static void keep(std::optional<std::int64_t>& since_us, bool is_so, std::int64_t time_us) {
        if (!is_so) since_us.reset();
        if (is_so && !since_us) since_us = time_us;
    }
};

// Those that spoke themselves.
std::vector<std::string> speaking_carriers(const Facts& facts, const Phase& phase) {
    std::vector<std::string> carriers;
    for (const std::string& name : phase.carriers)
        if (!facts.host(name)->is_spokesman) carriers.push_back(name);
    return carriers;
}

std::vector<std::string> settled_among(const Facts& facts, const std::vector<std::string>& hosts) {
    std::vector<std::string> settled;
    for (const std::string& name : hosts)
        if (!facts.host(name)->receives()) settled.push_back(name);
    return settled;
}

bool is_lost(const Facts& facts, const std::vector<std::string>& carriers) {
    if (!says_running(facts.manager) || !facts.any_host_spoke() || !carriers.empty()) return false;
    return std::none_of(facts.hosts().begin(), facts.hosts().end(), [&](const auto& entry) {
        const HostFacts& host = entry.second;
        return facts.is_handed_over(entry.first) || (host.is_spokesman && host.is_up());
    });
}

bool is_off(const Phase& phase) {
    return (phase.vm_state == "stopped" && !phase.is_paused) || phase.vm_state == "done";
}

// The guest was heard too late for what said that the machine is off.
bool is_after_end(std::int64_t heard_us, const Phase& phase) {
    return is_off(phase) && phase.decided_by != nullptr &&
           heard_us > phase.decided_by->time_us + limits::kSkewUsMax;
}

bool is_misplaced(const Facts& facts, const Phase& phase,
                  const std::vector<std::string>& carriers) {
    const std::string_view placement = facts.placement();
    return phase.to == MainState::kRunning && !carriers.empty() && !placement.empty() &&
           carriers.front() != placement;
}

Standing standing(const Facts& facts, const Phase& phase) {
    const std::vector<std::string> carriers = speaking_carriers(facts, phase);
    const GuestFacts& guest = facts.guest;
    return {.is_lost = is_lost(facts, carriers),
            .is_stray = !carriers.empty() && says_stopped(facts.manager),
            .is_zombie = newer(guest.run, guest.down) && is_after_end(guest.run->time_us, phase),
            .is_misplaced = is_misplaced(facts, phase, carriers),
            .is_split = settled_among(facts, carriers).size() > 1};
}

// Everything that the names are judged by: all claims, those after the end too.
struct Scene {
    const Facts& facts;
    Phase phase;                        // as the status shows it
    std::vector<std::string> carriers;  // that spoke themselves
    std::string_view manager;           // its host
    Watch watch;
    const ViewInput& input;
    View& view;

    // The guest's newest, through whichever host it came; nullptr: none.
    [[nodiscard]] const Sighting* heartbeat() const {
        const Sighting* newest = nullptr;
        for (const Sighting& seen : input.heartbeats)
            if (seen.who == "VMSystem" && (newest == nullptr || seen.at_us > newest->at_us))
                newest = &seen;
        return newest;
    }

    // The first that is silent; empty: none.
    [[nodiscard]] std::string stale_of(std::initializer_list<std::string_view> parties) const {
        for (const std::string_view party : parties)
            if (std::find(view.stale.begin(), view.stale.end(), party) != view.stale.end())
                return std::string(party);
        return {};
    }

    // Adds it once it is older than the grace time; says when that will be, if not yet. `parties`:
    // hosts on whose word it rests.
    void add(std::string_view name, std::optional<std::int64_t> since_us, std::string text,
             std::initializer_list<std::string_view> parties) const {
        if (!since_us) return;
        const std::int64_t due_us = *since_us + input.grace_us;
        if (due_us > input.now_us) {
            view.next_due_us = std::min(view.next_due_us.value_or(due_us), due_us);
            return;
        }
        view.disagreements.push_back(
            {std::string(name), *since_us, std::move(text), stale_of(parties)});
    }
};

void check_lost(const Scene& scene) {
    scene.add("lost", scene.watch.lost_us, "the manager says it runs, no host carries it",
              {scene.manager});
}

void check_misplaced(const Scene& scene) {
    if (!scene.watch.misplaced_us) return;
    const std::string& host = scene.carriers.front();
    scene.add(
        "misplaced", scene.watch.misplaced_us,
        "it runs on " + host + ", the manager placed it on " + std::string(scene.facts.placement()),
        {host, scene.manager});
}

void check_silent(const Scene& scene) {
    const Sighting* const seen = scene.heartbeat();
    if (seen == nullptr || scene.phase.to != MainState::kRunning) return;
    const std::int64_t silent_at =
        seen->at_us + kHeartbeatsMissed * scene.input.heartbeat_period_us;
    if (silent_at > scene.input.now_us) {
        scene.view.next_due_us = std::min(scene.view.next_due_us.value_or(silent_at), silent_at);
        return;
    }
    scene.view.disagreements.push_back(
        {"silent", seen->at_us, "the guest used to speak and is silent", {}});
}

void check_split(const Scene& scene) {
    if (!scene.watch.split_us) return;
    const std::vector<std::string> settled = settled_among(scene.facts, scene.carriers);
    scene.add("split", scene.watch.split_us, settled[0] + " and " + settled[1] + " both carry it",
              {settled[1]});
}

void check_stray(const Scene& scene) {
    if (!scene.watch.stray_us) return;
    const std::string& host = scene.carriers.front();
    scene.add("stray", scene.watch.stray_us,
              host + " carries it, the manager says it is stopped or done", {host, scene.manager});
}

// Of heartbeats the newest alone is kept: the guest has spoken since it booted, but counts only
// after the machine went off.
void check_zombie(const Scene& scene) {
    std::optional<std::int64_t> since_us = scene.watch.zombie_us;
    const Sighting* const seen = scene.heartbeat();
    if (seen != nullptr && is_after_end(seen->at_us, scene.phase)) {
        const std::int64_t off_us = scene.phase.decided_by->time_us + limits::kSkewUsMax;
        const std::int64_t heard_us =
            seen->up_us == 0 ? off_us : std::max(off_us, seen->at_us - seen->up_us);
        since_us = std::min(since_us.value_or(heard_us), heard_us);
    }
    scene.add("zombie", since_us,
              "the guest speaks though the machine is " + std::string(scene.phase.vm_state), {});
}

}  // namespace

void add_disagreements(const Machine& machine, const Registers& registers, const ViewInput& input,
                       View& view) {
    const bool has_carriers = machine.word == "virtual_machine";
    const HostNames names(registers.track);
    Facts facts(machine.track, names, has_carriers);
    Phase phase;
    Watch watch;
    for (const TrackClaim& claim : registers.track) {
        facts.add(claim);
        phase = phase_of(facts);
        watch.see(standing(facts, phase), claim.time_us);
    }
    const std::vector<std::string> carriers = speaking_carriers(facts, phase);
    const Scene scene{
        facts, std::move(phase), carriers, manager_host(registers.track), watch, input, view};
    check_lost(scene);
    check_misplaced(scene);
    check_silent(scene);
    check_split(scene);
    check_stray(scene);
    check_zombie(scene);
}

}  // namespace lb::state::vm
