#include "bkserver/book/working_set.h"

#include "bkserver/book/fold.h"
#include "bkserver/book/scan.h"
#include "bkserver/state/engine.h"
#include "common/base/assert.h"
#include "common/event/order_key.h"

namespace lb::book {

namespace {

// Texts of the row, links and steps, and the place in the map.
constexpr std::size_t kBesideRegisters = 512;

// Of memory. Registers are remembered in both forms.
std::size_t bytes_of(const Opened& opened) {
    return sizeof(Opened) + kBesideRegisters + opened.row.registers.capacity() +
           state::memory_of(opened.registers);
}

Error out_of_date() {
    return {ErrorCode::kConflict, "a process was merged by another writer"};
}

HandedUp handed_up(const state::Registers& registers, const std::string& id) {
    HandedUp handed;
    handed.links = state::links_of(registers);
    if (handed.links.empty()) return handed;
    state::ProcessStatus status = state::derive_state(registers, id);
    handed.state = status.state;
    handed.steps = std::move(status.steps);
    handed.is_parent = state::is_moved_by_children(registers.type);
    return handed;
}

}  // namespace

Status WorkingSet::load(std::span<const std::string> subject_texts) {
    std::vector<std::string> unknown;
    for (const std::string& text : subject_texts) {
        if (subjects_.contains(text)) continue;
        auto cached = caches_.subjects_by_text.take(text);
        if (!cached) unknown.push_back(text);
        subjects_[text] = std::move(cached);
    }
    if (!unknown.empty()) {
        LB_TRY_ASSIGN(const auto found, writer_.find_subjects(unknown));
        for (std::size_t i = 0; i < unknown.size(); ++i) subjects_[unknown[i]] = found[i];
    }
    std::set<store::ProcessNumber> numbers;
    for (const std::string& text : subject_texts) {
        auto& subject = subjects_[text];
        if (!subject) continue;
        subject->process = survivor_of(subject->process);
        if (!entries_.contains(subject->process)) numbers.insert(subject->process);
    }
    return load_processes(numbers);
}

// What is read after a merge of this transaction still names the process that went.
store::ProcessNumber WorkingSet::survivor_of(store::ProcessNumber number) const {
    for (;;) {
        const auto entry = entries_.find(number);
        if (entry == entries_.end() || entry->second.opened.row.merged_into == 0) return number;
        number = entry->second.opened.row.merged_into;
    }
}

Status WorkingSet::load_processes(const std::set<store::ProcessNumber>& numbers) {
    std::vector<store::ProcessNumber> missing;
    for (const store::ProcessNumber number : numbers) {
        auto cached = caches_.processes_by_number.take(number);
        if (!cached) {
            missing.push_back(number);
            continue;
        }
        ++caches_.hits;
        entries_[number].opened = std::move(*cached);
    }
    if (missing.empty()) return {};
    caches_.misses += missing.size();
    LB_TRY_ASSIGN(auto found, writer_.find_processes(missing));
    for (std::optional<store::Process>& row : found) {
        if (!row) return Error{ErrorCode::kCorrupt, "a subject names a process that is not there"};
        if (row->merged_into != 0) return out_of_date();
        LB_TRY_ASSIGN(Opened opened, open(std::move(*row)));
        const store::ProcessNumber number = opened.row.number;
        entries_[number].opened = std::move(opened);
    }
    return {};
}

// Registers that are damaged, of older rules, or that passed over events while newer rules had
// frozen them, are folded anew from the events, which are the truth.
Result<Opened> WorkingSet::open(store::Process row) {
    Opened opened;
    auto registers = state::Registers::decode(row.registers);
    opened.row = std::move(row);
    if (registers.ok() && registers->rules_version == state::kRulesVersion &&
        registers->not_understood == opened.row.not_understood) {
        opened.registers = std::move(*registers);
        opened.handed_up = handed_up(opened.registers, opened.row.id);
        return opened;
    }
    if (!registers.ok() && registers.error().code == ErrorCode::kUnsupported) {
        opened.is_frozen = true;
        return opened;
    }
    // What older rules handed up is written anew.
    Entry entry;
    entry.opened = std::move(opened);
    LB_TRY(refold(entry));
    return std::move(entry.opened);
}

Entry* WorkingSet::find(const std::string& subject_text) {
    const auto subject = subjects_.find(subject_text);
    if (subject == subjects_.end() || !subject->second) return nullptr;
    const auto entry = entries_.find(subject->second->process);
    return entry == entries_.end() ? nullptr : &entry->second;
}

Result<Entry*> WorkingSet::look_up(const std::string& subject_text) {
    if (!subjects_.contains(subject_text)) LB_TRY(load(std::span(&subject_text, 1)));
    return find(subject_text);
}

store::SubjectNumber WorkingSet::number_of(const std::string& subject_text) const {
    const auto& subject = subjects_.at(subject_text);
    LB_ASSERT(subject.has_value());
    return subject->number;
}

Result<Entry*> WorkingSet::create(const std::string& subject_text, std::uint32_t implied_type) {
    LB_TRY_ASSIGN(const store::SubjectNumber number, writer_.take_subject_numbers(1));
    subjects_[subject_text] = store::Subject{number, subject_text, number};
    new_subjects_.push_back(subject_text);
    Entry& entry = entries_[number];
    entry.new_subjects.push_back(subject_text);
    entry.is_new = true;
    entry.is_touched = true;
    entry.opened.row.number = number;
    entry.opened.row.id = subject_text;
    entry.opened.row.is_adopted = implied_type != 0;
    entry.opened.registers = state::fresh(implied_type);
    entry.opened.row.type = static_cast<std::uint16_t>(entry.opened.registers.type);
    return &entry;
}

Result<store::SubjectNumber> WorkingSet::bind(const std::string& subject_text, Entry& entry) {
    LB_ASSERT(!subjects_[subject_text].has_value());
    LB_TRY_ASSIGN(const store::SubjectNumber number, writer_.take_subject_numbers(1));
    subjects_[subject_text] = store::Subject{number, subject_text, entry.opened.row.number};
    new_subjects_.push_back(subject_text);
    entry.new_subjects.push_back(subject_text);
    return number;
}

Status WorkingSet::merge(Entry& from, Entry& into) {
    const store::ProcessNumber source = from.opened.row.number;
    const store::ProcessNumber target = into.opened.row.number;
    LB_ASSERT(source != target && from.opened.row.merged_into == 0);
    into.absorbed.push_back(source);
    into.absorbed.insert(into.absorbed.end(), from.absorbed.begin(), from.absorbed.end());
    into.pending.insert(into.pending.end(), from.pending.begin(), from.pending.end());
    into.new_subjects.insert(into.new_subjects.end(), from.new_subjects.begin(),
                             from.new_subjects.end());
    for (auto& [text, subject] : subjects_)
        if (subject && subject->process == source) subject->process = target;
    if (into.opened.row.registrant.empty() && from.opened.row.is_adopted)
        into.opened.row.is_adopted = true;
    into.opened.row.has_heartbeats |= from.opened.row.has_heartbeats;
    if (into.opened.is_frozen || from.opened.is_frozen)
        into.opened.row.not_understood = true;
    else if (into.opened.registers.type == 0 || from.opened.registers.type == 0 ||
             !state::merge(into.opened.registers, from.opened.registers))
        LB_TRY(refold(into));
    into.is_touched = true;
    into.must_save = true;
    from.opened.row.merged_into = target;
    from.opened.row.waiting = 0;
    from.opened.registers = state::fresh(0);
    from.pending.clear();
    from.new_subjects.clear();
    from.is_touched = true;
    from.must_save = true;
    for (auto& move : moves_)
        if (move.second == source) move.second = target;
    if (!from.is_new) moves_.emplace_back(source, target);
    news_.insert(target);
    return {};
}

// Those that the database holds: a process that is new has none there, nor events.
Result<std::vector<store::Subject>> WorkingSet::stored_subjects_of(const Entry& entry) {
    std::vector<store::ProcessNumber> numbers = entry.absorbed;
    numbers.push_back(entry.opened.row.number);
    std::vector<store::Subject> subjects;
    for (const store::ProcessNumber number : numbers) {
        if (const auto known = entries_.find(number);
            known != entries_.end() && known->second.is_new)
            continue;
        LB_TRY_ASSIGN(std::vector<store::Subject> stored, writer_.subjects_of(number));
        subjects.insert(subjects.end(), stored.begin(), stored.end());
    }
    return subjects;
}

Result<std::optional<Embryo>> WorkingSet::embryo_of(const Entry& entry) {
    if (entry.embryo || entry.is_new) return entry.embryo;
    return read_embryo(writer_, entry.opened.row.number, service_);
}

Status WorkingSet::adopt(Entry& entry) {
    entry.opened.row.is_adopted = true;
    return refold(entry);
}

Status WorkingSet::refold(Entry& entry) {
    LB_TRY_ASSIGN(const std::vector<store::Subject> stored, stored_subjects_of(entry));
    std::uint32_t implied = 0;
    if (entry.opened.row.is_adopted) {
        std::vector<store::Subject> subjects = stored;
        for (const std::string& text : entry.new_subjects) subjects.push_back(*subjects_.at(text));
        implied = implied_type(subjects);
    }
    LB_TRY_ASSIGN(const std::optional<Embryo> embryo, embryo_of(entry));
    entry.opened.registers = state::fresh(implied);
    LB_TRY_ASSIGN(const Folded folded,
                  fold_stored(writer_, stored, entry.pending, embryo ? &*embryo : nullptr,
                              entry.opened.registers));
    entry.opened.row.waiting = folded.waiting;
    entry.opened.row.type = static_cast<std::uint16_t>(entry.opened.registers.type);
    entry.is_touched = true;
    entry.must_save = true;
    return rekey(entry);
}

// Events that came before the type was known were stored without the logical clock of its family.
Status WorkingSet::rekey(const Entry& entry) {
    const event::ClockFamily family =
        event::clock_family_of(static_cast<event::ProcessType>(entry.opened.registers.type));
    if (family == event::ClockFamily::kNone) return {};
    LB_TRY_ASSIGN(const std::vector<store::Subject> subjects, stored_subjects_of(entry));
    const auto visit = [&](store::Event& event) -> Status {
        LB_TRY_ASSIGN(const event::AcceptedEvent opened,
                      event::open_accepted(event.envelope, event.forwarder, event.arrived_us));
        std::string key = event::order_key(opened.event, opened.arrival(), family);
        if (key == event.order_key) return {};
        event.order_key = std::move(key);
        rekeyed_.push_back(std::move(event));
        return {};
    };
    for (const store::Subject& subject : subjects)
        LB_TRY(visit_events(writer_, subject.number, visit));
    return {};
}

// Whether the registers became others, and what they say then.
void WorkingSet::see(Entry& entry) {
    if (!entry.is_touched || entry.opened.is_frozen) return;
    std::string bytes = entry.opened.registers.encode();
    if (bytes == entry.opened.row.registers && !entry.is_new) return;
    entry.must_save = true;
    entry.opened.row.registers = std::move(bytes);
    entry.status = state::derive_state(entry.opened.registers, entry.opened.row.id);
}

// The process that an event named as a parent: founded by this if nobody knows it yet. 0: it is no
// process of this server.
Result<store::ProcessNumber> WorkingSet::parent_number(const std::string& text) {
    const auto subject = event::parse_subject(text);
    if (!subject.ok()) return store::ProcessNumber{0};
    const auto* id = std::get_if<event::ProcessId>(&*subject);
    if (id != nullptr && !service_.empty() && id->service() != service_)
        return store::ProcessNumber{0};
    const std::string canonical = canonical_text(*subject);
    LB_TRY_ASSIGN(Entry * parent, look_up(canonical));
    if (parent == nullptr) {
        LB_TRY_ASSIGN(parent, create(canonical, 0));
    }
    return parent->opened.row.number;
}

Result<std::map<store::ProcessNumber, std::int64_t>> WorkingSet::parents_in(
    std::span<const state::Link> links, store::ProcessNumber child) {
    std::map<store::ProcessNumber, std::int64_t> parents;
    for (const state::Link& link : links) {
        LB_TRY_ASSIGN(const store::ProcessNumber parent, parent_number(link.parent));
        if (parent == 0 || parent == child) continue;
        const auto [at, is_new] = parents.emplace(parent, link.since_us);
        if (!is_new) at->second = std::min(at->second, link.since_us);
    }
    return parents;
}

// Hands up what parents count of the process. What its own children move is handed up by who counts
// them (settler.h); here only that there is such a child.
Status WorkingSet::relate(Entry& entry) {
    if (!entry.status) return {};
    Opened& opened = entry.opened;
    const store::ProcessNumber child = opened.row.number;
    HandedUp now = {state::links_of(opened.registers), entry.status->state, entry.status->steps,
                    state::is_moved_by_children(opened.registers.type)};
    const HandedUp& before = opened.handed_up;
    if (now.is_parent) news_.insert(child);
    const bool stands_alike = now.is_parent ? before.is_parent : now.steps == before.steps;
    const bool is_alike = stands_alike && now.is_parent == before.is_parent &&
                          (now.is_parent || now.state == before.state);
    LB_TRY_ASSIGN(const auto parents, parents_in(now.links, child));
    LB_TRY_ASSIGN(const auto old_parents, parents_in(before.links, child));
    const std::string steps = state::encode_steps(now.steps);
    for (const auto& [parent, since_us] : parents) {
        const auto old = old_parents.find(parent);
        const bool is_old = old != old_parents.end() && old->second == since_us;
        if (is_old && is_alike && !entry.embryo) continue;
        related_.push_back({.parent = parent,
                            .child = child,
                            .registration = entry.embryo ? entry.embryo->arrival : 0,
                            .since_us = since_us,
                            .state = static_cast<std::uint8_t>(now.state),
                            .is_parent = now.is_parent,
                            .steps = steps});
        if (!is_old || !stands_alike) news_.insert(parent);
    }
    for (const auto& [parent, since_us] : old_parents) {
        if (parents.contains(parent)) continue;
        unrelated_.push_back({.parent = parent, .child = child});
        news_.insert(parent);
    }
    opened.handed_up = std::move(now);
    return {};
}

void WorkingSet::finish(Entry& entry, std::int64_t now_us) {
    store::Process& row = entry.opened.row;
    if (entry.status) {
        const std::string old_state = row.state;
        const std::string old_vm_state = row.vm_state;
        set_columns(row, entry.opened.registers, *entry.status);
        const bool is_changed = row.state != old_state || row.vm_state != old_vm_state;
        if (is_changed && row.merged_into == 0)
            changes_.push_back({.process = row.number,
                                .revision = row.revision + 1,
                                .old_state = old_state,
                                .new_state = row.state,
                                .old_vm_state = old_vm_state,
                                .new_vm_state = row.vm_state,
                                .arrival = entry.last_arrival,
                                .changed_us = now_us});
    }
    // Also when the registers stayed as they are: whoever folds this process anew elsewhere must
    // learn that it got an event.
    entry.must_save = entry.must_save || !entry.pending.empty();
    if (entry.is_new || entry.must_save) ++row.revision;
    if (entry.status) plan_look(entry, now_us);
}

void WorkingSet::plan_look(const Entry& entry, std::int64_t now_us) {
    const store::ProcessNumber process = entry.opened.row.number;
    if (const auto due_us = state::first_due(entry.opened.registers))
        due_.push_back({process, *due_us});
    else if (state::has_disagreements(entry.opened.registers.type))
        changed_.push_back({process, now_us});
}

Status WorkingSet::write(std::int64_t now_us) {
    // Looking for parents may found some: the others are seen before.
    std::vector<Entry*> seen;
    for (auto& [number, entry] : entries_) seen.push_back(&entry);
    for (Entry* const entry : seen) {
        see(*entry);
        LB_TRY(relate(*entry));
    }
    std::vector<store::Subject> subjects;
    for (const std::string& text : new_subjects_) subjects.push_back(*subjects_.at(text));
    std::vector<store::Process> created;
    std::vector<store::Process> changed;
    for (auto& [number, entry] : entries_) {
        if (!entry.status) see(entry);
        finish(entry, now_us);
        if (entry.is_new)
            created.push_back(entry.opened.row);
        else if (entry.must_save)
            changed.push_back(entry.opened.row);
    }
    LB_TRY(writer_.add_subjects(subjects));
    LB_TRY(writer_.add_processes(created));
    LB_TRY(writer_.save_processes(changed));
    for (const auto& [from, into] : moves_) LB_TRY(writer_.move_subjects(from, into));
    LB_TRY(writer_.set_order_keys(rekeyed_));
    LB_TRY(writer_.drop_relations(unrelated_));
    LB_TRY(writer_.put_relations(related_));
    std::vector<store::News> news;
    for (const store::ProcessNumber parent : news_) news.push_back({.parent = parent});
    LB_TRY(writer_.add_news(news));
    LB_TRY(writer_.put_due(due_));
    LB_TRY(writer_.bring_forward(changed_));
    return writer_.add_changes(changes_);
}

void WorkingSet::remember() {
    for (auto& [number, entry] : entries_) {
        if (entry.opened.row.merged_into != 0) continue;
        const std::size_t bytes = bytes_of(entry.opened);
        caches_.processes_by_number.put(number, std::move(entry.opened), bytes);
    }
    for (auto& [text, subject] : subjects_)
        if (subject) caches_.subjects_by_text.put(text, std::move(*subject));
}

}  // namespace lb::book
