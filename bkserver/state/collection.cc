// Collections, collections of transfers, DAGs: what their children add to their own state
// (state-model 6).
#include "bkserver/state/collection.h"

#include <algorithm>
#include <map>
#include <string>

#include "bkserver/state/sequence.h"

namespace lb::state::collection {
namespace {

using M = MainState;
using Rule = M (*)(M own, const Census& census);

// The collection's own word that no child overrules.
bool is_settled(M own) {
    return own == M::kCancelled || own == M::kCleared || own == M::kUnknown;
}

// Not all children have ended: the collection waits, unless it was aborted itself.
M unfinished(M own) {
    return own == M::kAborted ? own : M::kWaiting;
}

M state_of_jobs(M own, const Census& census) {
    if (is_settled(own) || !census.has_begun()) return own;
    if (census.of(Standing::kRunning) > 0) return M::kRunning;
    std::size_t ended = census.of(Standing::kCancelled);
    if (ended == census.all()) return M::kCancelled;
    ended += census.of(Standing::kCleared);
    if (ended == census.all()) return M::kCleared;
    ended += census.of(Standing::kDone);
    if (ended == census.all()) return M::kDone;
    ended += census.of(Standing::kAborted);
    return ended == census.all() ? M::kAborted : unfinished(own);
}

M state_of_transfers(M own, const Census& census) {
    if (is_settled(own) || !census.has_begun()) return own;
    if (census.of(Standing::kRunning) > 0) return M::kRunning;
    std::size_t ended = census.of(Standing::kDone);
    if (ended == census.all()) return M::kDone;
    ended += census.of(Standing::kAborted);
    return ended == census.all() ? M::kAborted : unfinished(own);
}

// A failed Done is no end of a child: it is counted apart.
std::string word_of(const Child& child) {
    std::string word(to_string(child.state));
    const bool is_failed = child.state == M::kDone &&
                           (child.steps.empty() || child.steps.back().standing != Standing::kDone);
    return is_failed ? word + "/FAILED" : word;
}

void show_histogram(std::span<const Child> children, Draft& draft) {
    if (children.empty()) return;
    std::map<std::string, std::size_t> counts;
    for (const Child& child : children) ++counts[word_of(child)];
    draft.set_json(Attr{"children_hist"}.index, counts);
}

void count(Rule rule, std::span<const Child> children, Draft& draft) {
    show_histogram(children, draft);
    if (children.empty()) return;
    const Course own = draft.course();
    // A failed end of its own is no good one for those who count it in turn.
    const bool own_end_failed =
        own.state() == M::kDone &&
        (own.steps().empty() || own.steps().back().standing == Standing::kRest);
    Course course;
    if (own.has_update()) course.update(own.updated_us());
    bool is_done_by_children = false;
    for (Sequence sequence(own, children); sequence.next();) {
        const M state = rule(sequence.own_state(), sequence.census());
        const M before = course.state();
        course.enter(state, sequence.time_us(), own_end_failed && state == sequence.own_state());
        if (state == before || state == sequence.own_state()) continue;
        course.update(std::max(course.updated_us(), sequence.time_us()));
        is_done_by_children = is_done_by_children || state == M::kDone;
    }
    draft.set_course(course);
    if (!is_done_by_children) return;
    draft.set("done_code", "OK");
    draft.set("exit_code", std::int64_t{0});
}

}  // namespace

void count_jobs(const Registers&, std::span<const Child> children, Draft& draft) {
    count(state_of_jobs, children, draft);
}

void count_transfers(const Registers&, std::span<const Child> children, Draft& draft) {
    count(state_of_transfers, children, draft);
}

void show_children(const Registers&, std::span<const Child> children, Draft& draft) {
    show_histogram(children, draft);
}

}  // namespace lb::state::collection
