#include "bkserver/state/plain.h"

namespace lb::state::plain {

Fold fold(const Machine& machine, const Registers& registers, Draft* draft) {
    Fold found;
    std::uint32_t highest = 0;
    const bool is_machine = machine.phase_attribute == "vm_state";
    for (const TrackClaim& claim : registers.track) {
        const TrackRow* row = find_row(machine.track, claim.row);
        const std::uint32_t rank = row == nullptr ? highest : row->role & ~kBad;
        const bool counts = rank >= highest;
        if (!counts) continue;
        found.last = &claim;
        if (row == nullptr) continue;
        highest = rank;
        if (!row->phase.empty()) found.phase = row->phase;
        if (row->to == MainState::kUndefined) continue;
        if (found.row == nullptr || found.row->to != row->to) found.moved = &claim;
        found.row = row;
        if (draft != nullptr)
            draft->course().enter(row->to, claim.time_us, (row->role & kBad) != 0,
                                  is_machine ? vm_word_of(row->phase) : VmWord::kNone);
    }
    return found;
}

void derive(const Machine& machine, const Registers& registers, Draft& draft) {
    const Fold found = fold(machine, registers, &draft);
    if (found.last != nullptr) draft.course().update(found.last->time_us);
    if (found.row == nullptr) draft.course().set_state_without_time(MainState::kSubmitted);
}

void show_zeros(Draft& draft, std::initializer_list<Attr> attributes) {
    for (const Attr attribute : attributes)
        if (!draft.has(attribute)) draft.set(attribute, std::int64_t{0});
}

Decision decide(const Machine& machine, const Registers& registers, std::string_view attribute) {
    const Fold found = fold(machine, registers, nullptr);
    if (attribute == "lastUpdateTime") return {found.last, "the newest claim that counts"};
    return {found.moved, "the newest claim that moves it"};
}

}  // namespace lb::state::plain
