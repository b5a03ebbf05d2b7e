#include "bkserver/book/brood.h"

#include <algorithm>

#include "bkserver/state/engine.h"

namespace lb::book {

namespace {

// Written by one statement: bounds the memory that the children of one registration take.
constexpr std::uint32_t kPortionChildren = 1000;

}  // namespace

Status BroodPlanner::plan(const state::Brood& brood, const Embryo& embryo,
                          const event::ProcessId& parent_id, const store::Process& parent) {
    embryo_ = &embryo;
    parent_ = &parent;
    keys_[embryo.arrival] = embryo.key();
    state::Registers registers = state::fresh(0);
    state::apply_embryo(registers, embryo.registration.event, embryo.registration.arrival(),
                        embryo.parent);
    model_.revision = 1;
    model_.registrant = parent.registrant;
    model_.registers = registers.encode();
    set_columns(model_, registers, state::derive_state(registers, ""));
    for (std::uint32_t first = 0; first < brood.count; first += kPortionChildren) {
        std::vector<std::string> ids;
        const std::uint32_t end = std::min(brood.count, first + kPortionChildren);
        for (std::uint32_t i = first; i < end; ++i)
            ids.push_back(parent_id.child(brood.seed, i).to_string());
        LB_TRY(plan_portion(ids));
    }
    return {};
}

Status BroodPlanner::plan_portion(std::span<const std::string> ids) {
    LB_TRY_ASSIGN(const auto found, writer_.find_subjects(ids));
    std::vector<std::string> unheard_of;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        Entry* entry = working_.find(ids[i]);
        if (entry == nullptr && !found[i]) {
            // Whoever asks for it later in this batch must find it among the entries.
            if (!working_.has_asked_for(ids[i])) {
                unheard_of.push_back(ids[i]);
                continue;
            }
            LB_TRY_ASSIGN(entry, working_.create(ids[i], 0));
        }
        store::ArrivalNumber planned_by = 0;
        if (found[i]) {
            LB_TRY_ASSIGN(const auto* const rows, planned());
            if (const auto row = rows->find(found[i]->process); row != rows->end())
                planned_by = row->second;
            LB_TRY_ASSIGN(const bool earlier, is_earlier(planned_by));
            if (earlier) continue;
            LB_TRY_ASSIGN(entry, working_.look_up(ids[i]));
            if (entry == nullptr) return Error{ErrorCode::kConflict, "a child came meanwhile"};
        }
        LB_TRY(claim(*entry, planned_by));
    }
    return create(unheard_of);
}

// The children that earlier registrations of this parent planned, with the registration.
Result<const std::unordered_map<store::ProcessNumber, store::ArrivalNumber>*>
BroodPlanner::planned() {
    if (!planned_) {
        planned_.emplace();
        LB_TRY_ASSIGN(const auto relations, writer_.children_of(parent_->number));
        for (const store::Relation& relation : relations)
            (*planned_)[relation.child] = relation.registration;
    }
    return &*planned_;
}

// Of several registrations the one with the least key counts.
Result<bool> BroodPlanner::is_earlier(store::ArrivalNumber registration) {
    if (registration == 0) return false;
    if (!keys_.contains(registration)) {
        LB_TRY_ASSIGN(const auto events, writer_.find_arrivals(std::span(&registration, 1)));
        if (events.size() != 1)
            return Error{ErrorCode::kCorrupt, "the registration that planned a child is missing"};
        const store::Event& event = events.front();
        LB_TRY_ASSIGN(event::AcceptedEvent opened,
                      event::open_accepted(event.envelope, event.forwarder, event.arrived_us));
        keys_[registration] = Embryo{std::move(opened), registration, {}}.key();
    }
    return keys_.at(registration) <= embryo_->key();
}

Status BroodPlanner::claim(Entry& entry, store::ArrivalNumber planned_by) {
    store::Process& row = entry.opened.row;
    // Registered by somebody else: no child of this parent, whatever its id looks like.
    if (!row.registrant.empty() && !policy_.is_same(row.registrant, parent_->registrant)) return {};
    if (entry.embryo && entry.embryo->key() <= embryo_->key()) return {};
    const bool is_planned = planned_by != 0 || entry.embryo.has_value();
    entry.embryo = *embryo_;
    entry.must_save = true;
    if (row.registrant.empty()) row.registrant = parent_->registrant;
    if (entry.opened.is_frozen) {
        row.not_understood = true;
        const store::Relation relation = {
            .parent = parent_->number, .child = row.number, .registration = embryo_->arrival};
        return writer_.put_relations(std::span(&relation, 1));
    }
    entry.is_touched = true;
    if (is_planned) return working_.refold(entry);
    const state::Outcome outcome =
        state::apply_embryo(entry.opened.registers, embryo_->registration.event,
                            embryo_->registration.arrival(), embryo_->parent);
    row.type = static_cast<std::uint16_t>(entry.opened.registers.type);
    const bool is_unheard_of = entry.is_new && entry.pending.empty();
    if (outcome != state::Outcome::kTypeChanged || is_unheard_of) return {};
    return working_.refold(entry);
}

Status BroodPlanner::create(std::span<const std::string> ids) {
    if (ids.empty()) return {};
    const auto count = static_cast<std::uint32_t>(ids.size());
    LB_TRY_ASSIGN(const store::SubjectNumber first, writer_.take_subject_numbers(count));
    std::vector<store::Subject> subjects;
    std::vector<store::Process> processes;
    std::vector<store::Relation> relations;
    std::vector<store::Change> changes;
    for (std::uint32_t i = 0; i < count; ++i) {
        const store::ProcessNumber number = first + i;
        subjects.push_back({number, ids[i], number});
        model_.number = number;
        model_.id = ids[i];
        processes.push_back(model_);
        relations.push_back({.parent = parent_->number,
                             .child = number,
                             .registration = embryo_->arrival,
                             .state = static_cast<std::uint8_t>(state::MainState::kSubmitted)});
        changes.push_back({.process = number,
                           .revision = model_.revision,
                           .new_state = model_.state,
                           .new_vm_state = model_.vm_state,
                           .arrival = embryo_->arrival,
                           .changed_us = now_us_});
    }
    LB_TRY(writer_.add_subjects(subjects));
    LB_TRY(writer_.add_processes(processes));
    LB_TRY(writer_.put_relations(relations));
    return writer_.add_changes(changes);
}

}  // namespace lb::book
