// Clusters of machines: the tables, and the state as counted from the members (state-model 11.7).
#include <algorithm>
#include <charconv>
#include <map>
#include <string>
#include <vector>

#include "bkserver/state/machine.h"
#include "bkserver/state/parent_limits.h"
#include "bkserver/state/plain.h"
#include "bkserver/state/sequence.h"
#include "bkserver/state/shapes.h"

namespace lb::state {
namespace {

using E = event::EventType;
using M = MainState;
using plain::rank;

// clang-format off
constexpr DataRow kData[] = {
    // event            source when                            register         merge           value
    {E::kVMCreate,      kAny,  kAlways,                        {"vm_name"},     Merge::kNewest, field("name")},
    {E::kVMCreate,      kAny,  kAlways,                        {"vm_owner"},    Merge::kNewest, field("owner")},
    {E::kVMCreate,      kAny,  kAlways,                        {"vm_id"},       Merge::kNewest, field("id")},
    {E::kVMCreate,      kAny,  kAlways,                        {"vm_manager"},  Merge::kNewest, field("manager")},
    {E::kClusterGoal,   kAny,  kAlways,                        {"quorum"},      Merge::kNewest, field("quorum")},
    {E::kClusterGoal,   kAny,  kAlways,                        {"goal"},        Merge::kNewest, field("goal")},
    {E::kVMDone,        kAny,  {is("status_code", "OK")},      {"done_code"},   Merge::kNewest, fixed("OK")},
    {E::kVMDone,        kAny,  {is("status_code", "DELETE")},  {"done_code"},   Merge::kNewest, fixed("CANCELLED")},
};

constexpr TrackRow kTrack[] = {
    // id event            source when                           moves to       vm_state   role
    {10, E::kRegJob,       kAny, kAlways,                        M::kSubmitted, "pending", rank(0)},
    {11, E::kVMDone,       kAny, {is("status_code", "OK")},      M::kDone,      "done",    rank(1)},
    {12, E::kVMDone,       kAny, {is("status_code", "DELETE")},  M::kDone,      "done",    rank(1)},
};

constexpr std::string_view kIgnored[] = {
    "compute", "pbs", "condor", "cream", "transfer",
    // a cluster's life is counted from its members: what is said of a machine is no claim here
    "VMHost", "VMImage", "VMRunning", "VMShutdown", "VMStop", "VMResume", "VMBoot", "VMUnknown",
    "VMHeartbeat", "VMMigrate", "VMSuspend", "VMReboot", "VMNetwork", "VMUndefine", "VMFail", "Bind",
};
// clang-format on
static_assert(rows_are_sound(kData));
static_assert(rows_are_sound(kTrack));

struct ClusterState {
    M state = M::kSubmitted;
    VmWord word = VmWord::kPending;
    bool is_degraded = false;
};

// What the live members are, in the words that the rules ask.
struct Muster {
    std::size_t all, done, live, running, pending, booting, failed;

    explicit Muster(const Census& census)
        : all(census.all()),
          done(census.of(VmWord::kDone)),
          live(all - done),
          running(census.of(VmWord::kRunning) + census.of(VmWord::kReallyRunning) +
                  census.of(VmWord::kDegraded)),
          pending(census.of(VmWord::kPending) + census.of(VmWord::kNone)),
          booting(census.of(VmWord::kBoot) + census.of(VmWord::kForming)),
          failed(census.of(VmWord::kFailure)) {}
};

// The first rule that applies.
ClusterState state_of(const Census& census, std::size_t quorum) {
    const Muster members(census);
    const std::size_t enough = quorum == 0 ? members.live : quorum;
    if (members.all > 0 && members.live == 0) return {M::kDone, VmWord::kDone};
    if (members.live == 0) return {};
    if (members.running >= enough)
        return {M::kRunning, VmWord::kRunning,
                members.running < members.live || census.of(VmWord::kDegraded) > 0};
    const std::size_t well = members.running + members.pending + members.booting;
    if (members.running > 0 && well < members.live) return {M::kRunning, VmWord::kDegraded, true};
    if (members.running > 0 || members.booting > 0) return {M::kWaiting, VmWord::kForming};
    if (census.of(VmWord::kShutdown) > 0) return {M::kWaiting, VmWord::kShutdown};
    if (members.failed > 0) return {M::kDone, VmWord::kFailure};
    if (members.pending == members.live) return {};
    if (members.pending > 0) return {M::kWaiting, VmWord::kForming};
    return {M::kWaiting, VmWord::kStopped};
}

// Jobs may be members as well: by what a machine would be called in their state.
VmWord word_of(const Step& step) {
    if (step.vm_word != VmWord::kNone) return step.vm_word;
    switch (step.standing) {
        case Standing::kRest:
            return VmWord::kPending;
        case Standing::kRunning:
            return VmWord::kRunning;
        case Standing::kAborted:
            return VmWord::kFailure;
        case Standing::kDone:
        case Standing::kCleared:
        case Standing::kCancelled:
            return VmWord::kDone;
    }
    return VmWord::kNone;
}

std::vector<Child> as_machines(std::span<const Child> children) {
    std::vector<Child> members(children.begin(), children.end());
    for (Child& member : members)
        for (Step& step : member.steps) step.vm_word = word_of(step);
    return members;
}

std::size_t quorum_of(const Registers& registers) {
    const std::string_view text = text_of_register(registers, "quorum");
    std::size_t quorum = 0;
    std::from_chars(text.data(), text.data() + text.size(), quorum);
    return quorum;
}

void show_failed(std::vector<std::string> failed, Draft& draft) {
    if (failed.empty()) return;
    std::sort(failed.begin(), failed.end());
    if (failed.size() > limits::kFailedMembersShownMax) {
        failed.resize(limits::kFailedMembersShownMax);
        draft.add_truncated("failed_members");
    }
    draft.set_json(Attr{"failed_members"}.index, failed);
}

void show_members(std::span<const Child> members, Draft& draft) {
    std::map<std::string, std::size_t> counts;
    std::vector<std::string> failed;
    for (const Child& member : members) {
        const VmWord word = member.steps.empty() ? VmWord::kPending : member.steps.back().vm_word;
        ++counts[std::string(to_string(word))];
        if (word == VmWord::kFailure) failed.push_back(member.id);
    }
    draft.set("members_num", static_cast<std::int64_t>(members.size()));
    if (!counts.empty()) draft.set_json(Attr{"members_hist"}.index, counts);
    show_failed(std::move(failed), draft);
}

std::string_view done_code_of(const ClusterState& now) {
    if (now.word == VmWord::kFailure) return "FAILED";
    return now.word == VmWord::kDone ? "OK" : "";
}

void count(const Registers& registers, std::span<const Child> children, Draft& draft) {
    const std::vector<Child> members = as_machines(children);
    show_members(members, draft);
    const std::size_t quorum = quorum_of(registers);
    const Course own = draft.course();
    Course course;
    if (own.has_update()) course.update(own.updated_us());
    ClusterState now;
    bool is_ended = false;  // by its own word
    for (Sequence sequence(own, members); !is_ended && sequence.next();) {
        is_ended = sequence.own_state() == M::kDone;
        const ClusterState before = now;
        now =
            is_ended ? ClusterState{M::kDone, VmWord::kDone} : state_of(sequence.census(), quorum);
        course.enter(now.state, sequence.time_us(), now.word == VmWord::kFailure, now.word);
        if (now.word != before.word)
            course.update(std::max(course.updated_us(), sequence.time_us()));
    }
    draft.set_course(course);
    draft.set("vm_state", to_string(now.word));
    if (now.is_degraded) draft.set("degraded", true);
    if (!is_ended) draft.set("done_code", done_code_of(now));
    if (draft.has("done_code")) draft.set("exit_code", std::int64_t{0});
}

}  // namespace

extern const Machine kCluster = {
    .type = 21,
    .word = "vm_cluster",
    .data = kData,
    .track = kTrack,
    .ignored = kIgnored,
    .phase_attribute = "vm_state",
    .groups = Groups::kNone,
    .derive = plain::derive,
    .decide = plain::decide,
    .count = count,
    .is_moved_by_children = true,
};

}  // namespace lb::state
