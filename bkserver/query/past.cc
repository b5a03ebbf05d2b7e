#include "bkserver/query/past.h"

#include <fmt/format.h>

#include <algorithm>

#include "bkserver/book/intake.h"
#include "bkserver/query/forms.h"
#include "bkserver/state/parent_limits.h"
#include "common/event/order_key.h"
#include "common/event/process_id.h"

namespace lb::query {

namespace {

constexpr std::uint32_t kDeparturesPage = 1000;

std::string canonical(const std::string& subject_text) {
    const auto subject = event::parse_subject(subject_text);
    return subject.ok() ? book::canonical_text(*subject) : subject_text;
}

// Of events of this type those that do not count.
store::Filter uncounted(event::EventType type, const AsOf& as_of) {
    using store::Column;
    using store::Match;
    std::vector<store::Clause> late;
    if (as_of.at_us != 0)
        late.push_back({Column::kEventTime, Match::kAtLeast, {}, {as_of.at_us + 1}});
    if (as_of.known_at_us != 0)
        late.push_back({Column::kEventArrived, Match::kAtLeast, {}, {as_of.known_at_us + 1}});
    auto filter = store::Filter::all_of(
        {{Column::kEventType, Match::kOneOf, {}, {static_cast<std::int64_t>(type)}}});
    return filter.narrow(store::Filter::any_of(std::move(late)));
}

}  // namespace

Past::Past(store::Reader& reader, const AsOf& as_of)
    : reader_(reader),
      as_of_(as_of),
      plans_(reader, [this](const store::Event& stored, const event::AcceptedEvent& opened) {
          return counts(stored, opened);
      }) {}

bool Past::counts(const store::Event& stored, const event::AcceptedEvent& opened) const {
    const bool is_later =
        as_of_.at_us != 0 && event::order_time_us(opened.event, opened.arrival()) > as_of_.at_us;
    const bool is_unknown = as_of_.known_at_us != 0 && stored.arrived_us > as_of_.known_at_us;
    return !is_later && !is_unknown;
}

Result<PastStatus> Past::status_of(const store::Process& process) {
    asked_for_ = &process;
    LB_TRY_ASSIGN(const state::Registers registers, fold(process));
    if (registers.type == 0)
        return Error{ErrorCode::kNotFound, "nothing was known of " + process.id +
                                               " then: its registration or first event came later"};
    LB_TRY_ASSIGN(const auto children, children_of(process, registers));
    PastStatus past;
    past.status = state::derive(registers, process.id, children);
    for (const state::Child& child : children) past.children.push_back(child.id);
    return past;
}

Error Past::too_much() const {
    if (!state::has_children(asked_for_->type))
        return {ErrorCode::kFull, fmt::format("the history of {} is longer than this server reads "
                                              "({} events)",
                                              asked_for_->id, kScannedEventsMax)};
    return {ErrorCode::kFull,
            fmt::format("the past of {} takes more than this server folds for one answer ({} "
                        "children with {} events): ask for the past of some of its children",
                        asked_for_->id, kPastChildrenMax, kScannedEventsMax)};
}

Result<state::Registers> Past::fold(const store::Process& process) {
    std::uint32_t implied = 0;
    if (process.is_adopted) {
        LB_TRY_ASSIGN(const auto subjects, reader_.subjects_of(process.number));
        implied = book::implied_type(subjects);
    }
    LB_TRY_ASSIGN(auto embryo, plans_.plan_of(process));
    bool has_any = embryo.has_value();
    bool is_full = false;
    Replay replay(implied, std::move(embryo));
    const auto visit = [&](const store::Event& stored, const event::AcceptedEvent& opened) {
        is_full = events_left_ == 0;
        if (is_full) return false;
        --events_left_;
        if (!counts(stored, opened)) return true;
        replay.apply(opened);
        has_any = true;
        return true;
    };
    LB_TRY_ASSIGN(const bool is_whole, scan_events(reader_, process.number, visit));
    if (!is_whole || is_full) return too_much();
    return has_any ? replay.registers() : state::fresh(0);
}

Result<std::vector<state::Child>> Past::children_of(const store::Process& parent,
                                                    const state::Registers& registers) {
    std::vector<state::Child> children;
    if (!state::has_children(registers.type)) return children;
    LB_TRY_ASSIGN(const auto names, names_of(parent.number));
    LB_TRY_ASSIGN(const auto relations, reader_.children_of(parent.number));
    std::set<store::ProcessNumber> numbers;
    for (const store::Relation& relation : relations) numbers.insert(relation.child);
    if (registers.type == static_cast<std::uint32_t>(event::ProcessType::kVmCluster))
        LB_TRY(add_departed(names, numbers));
    if (numbers.size() > children_left_) return too_much();
    children_left_ -= numbers.size();
    above_.insert(parent.number);
    for (const store::ProcessNumber number : numbers) {
        LB_TRY_ASSIGN(auto found, child(number, names));
        if (found) children.push_back(std::move(*found));
    }
    above_.erase(parent.number);
    return children;
}

// Nothing: it was no child of that parent then.
Result<std::optional<state::Child>> Past::child(store::ProcessNumber number,
                                                const std::set<std::string>& parent_names) {
    std::optional<state::Child> child;
    LB_TRY_ASSIGN(const auto process, reader_.get_process(number));
    if (!process) return child;
    LB_TRY_ASSIGN(const state::Registers registers, fold(*process));
    for (const state::Link& link : state::links_of(registers)) {
        if (!parent_names.contains(canonical(link.parent))) continue;
        if (!child) child = state::Child{.id = process->id, .since_us = link.since_us, .steps = {}};
        child->since_us = std::min(child->since_us, link.since_us);
    }
    if (!child) return child;
    std::vector<state::Child> below;
    if (!above_.contains(number) && above_.size() < limits::kParentLevelsMax) {
        LB_TRY_ASSIGN(below, children_of(*process, registers));
    }
    state::ProcessStatus status = state::derive_state(registers, process->id, below);
    child->state = status.state;
    child->steps = std::move(status.steps);
    return child;
}

Result<std::set<std::string>> Past::names_of(store::ProcessNumber process) {
    LB_TRY_ASSIGN(const auto subjects, reader_.subjects_of(process));
    std::set<std::string> names;
    for (const store::Subject& subject : subjects) names.insert(subject.text);
    return names;
}

// Who left a cluster since is related to it no more; his leaving tells.
Status Past::add_departed(const std::set<std::string>& cluster_names,
                          std::set<store::ProcessNumber>& members) {
    store::EventSelection selection;
    selection.filter = uncounted(event::EventType::kClusterLeave, as_of_);
    selection.limit = kDeparturesPage;
    for (;;) {
        LB_TRY_ASSIGN(const auto found, reader_.search_events(selection));
        for (const store::FoundEvent& one : found) {
            if (events_left_ == 0) return too_much();
            --events_left_;
            LB_TRY_ASSIGN(const auto opened, open_event(one.event));
            if (cluster_names.contains(canonical(std::string(opened.event.text("cluster")))))
                members.insert(one.process);
        }
        if (found.size() < selection.limit) return {};
        selection.after = store::Place{found.back().time_us, found.back().event.arrival};
    }
}

}  // namespace lb::query
