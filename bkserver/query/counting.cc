#include "bkserver/query/counting.h"

#include "bkserver/state/parent_limits.h"

namespace lb::query {

Result<std::vector<state::Child>> Counting::children_of(const store::Process& parent) {
    if (!state::has_children(parent.type)) return std::vector<state::Child>();
    LB_TRY_ASSIGN(const auto news, reader_.read_news(1));
    has_news_ = !news.empty();
    return count(parent.number);
}

Result<std::vector<state::Child>> Counting::count(store::ProcessNumber parent) {
    LB_TRY_ASSIGN(const auto relations, reader_.children_of(parent));
    std::vector<state::Child> children;
    children.reserve(relations.size());
    above_.insert(parent);
    for (const store::Relation& relation : relations) {
        state::Child child;
        child.state = static_cast<state::MainState>(relation.state);
        child.since_us = relation.since_us;
        LB_TRY_ASSIGN(child.steps, state::decode_steps(relation.steps));
        const bool may_be_behind = relation.is_parent && has_news_ &&
                                   !above_.contains(relation.child) &&
                                   above_.size() < limits::kParentLevelsMax;
        if (may_be_behind) LB_TRY(refresh(child, relation.child));
        children.push_back(std::move(child));
    }
    above_.erase(parent);
    LB_TRY(name_failed(relations, children));
    return children;
}

Status Counting::refresh(state::Child& child, store::ProcessNumber number) {
    LB_TRY_ASSIGN(const auto process, reader_.get_process(number));
    if (!process) return {};
    LB_TRY_ASSIGN(const auto registers, state::Registers::decode(process->registers));
    LB_TRY_ASSIGN(const auto children, count(number));
    state::ProcessStatus status = state::derive(registers, process->id, children);
    child.state = status.state;
    child.steps = std::move(status.steps);
    return {};
}

// Ids are looked up of those that a status names.
Status Counting::name_failed(const std::vector<store::Relation>& relations,
                             std::vector<state::Child>& children) {
    std::vector<store::ProcessNumber> numbers;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < children.size(); ++i) {
        const auto& steps = children[i].steps;
        const bool is_failed =
            !steps.empty() && (steps.back().vm_word == state::VmWord::kFailure ||
                               steps.back().standing == state::Standing::kAborted);
        if (!is_failed) continue;
        numbers.push_back(relations[i].child);
        places.push_back(i);
    }
    if (numbers.empty()) return {};
    LB_TRY_ASSIGN(auto ids, reader_.ids_of(numbers));
    for (std::size_t i = 0; i < places.size(); ++i) children[places[i]].id = std::move(ids[i]);
    return {};
}

}  // namespace lb::query
