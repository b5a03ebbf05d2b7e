#include "bkserver/state/engine.h"

#include <algorithm>

#include "bkserver/state/access.h"
#include "bkserver/state/machine.h"
#include "bkserver/state/retain.h"
#include "bkserver/state/shapes.h"
#include "common/base/ascii.h"
#include "common/base/limits.h"
#include "common/base/utf8.h"
#include "common/event/field_text.h"

namespace lb::state {
namespace {

constexpr Attr kRegType{"reg_type"};
constexpr Attr kEmbryoType{"embryo_type"};

Claim claim_of(const Subject& subject, const std::string& key, std::string value) {
    return {key, std::move(value),      std::string(subject.arrival.event_id),
            {},  subject.event.time_us, subject.event.source};
}

bool put_data(Registers& registers, std::span<const DataRow> rows, const Subject& subject,
              const std::string& key) {
    bool claimed = false;
    for (const DataRow& row : rows) {
        if (!takes(row, subject)) continue;
        std::string value = value_of(row.value, subject);
        if (value.empty()) continue;  // what is missing claims nothing
        Claim claim = claim_of(subject, key, std::move(value));
        std::string name;
        if (is_named(row.merge)) {
            claim.label = name_of(row.into, subject);
            if (claim.label.empty()) continue;
            name = row.merge == Merge::kPerId ? claim.label : lower_case(claim.label);
        }
        put_claim(registers, row.into.attribute.info(), name, std::move(claim));
        claimed = true;
    }
    return claimed;
}

// "who/host/instance" without the ends that are empty.
std::string place_text(const Keep& keep, const event::Event& event) {
    std::string text =
        keep.field.empty() ? event::text_of(event.source) : std::string(event.text(keep.field));
    const bool is_here = keep.host_field.empty();
    const std::string_view host = is_here ? event.host : event.text(keep.host_field);
    const std::string_view instance =
        is_here ? event.source_instance : event.text(keep.instance_field);
    if (!host.empty() || !instance.empty()) text.append("/").append(host);
    if (!instance.empty()) text.append("/").append(instance);
    return text;
}

std::string kept_text(const Keep& keep, const Subject& subject) {
    if (keep.is_place)
        return std::string(cut_utf8(place_text(keep, subject.event), limits::kTrackTextBytesMax));
    std::string text =
        keep.field.empty() ? std::string() : std::string(subject.event.text(keep.field));
    if (text.empty() && keep.otherwise == Keep::Else::kEnvelopeHost) text = subject.event.host;
    text = cut_utf8(text,
                    keep.is_document ? limits::kTrackDocumentBytesMax : limits::kTrackTextBytesMax);
    return keep.is_host ? lower_case(text) : text;
}

std::vector<std::string> kept_texts(const TrackRow& row, const Subject& subject) {
    std::vector<std::string> texts;
    for (const Keep& keep : row.kept) texts.push_back(kept_text(keep, subject));
    while (!texts.empty() && texts.back().empty()) texts.pop_back();
    return texts;
}

void put_moved(Registers& registers, const Machine& machine, const TrackRow* row,
               const Subject& subject, const std::string& key) {
    TrackClaim claim;
    claim.key = key;
    claim.row = row == nullptr ? kTouchRow : row->id;
    claim.source = subject.event.source;
    claim.time_us = subject.event.time_us;
    claim.event_id = subject.arrival.event_id;
    claim.is_resync = subject.event.is_resync;
    if (row != nullptr) claim.texts = kept_texts(*row, subject);
    const Bounds bounds = bounds_of(&machine, claim.row);
    put_track(registers, std::move(claim), bounds);
}

// Which type does this registration mean? 0: it is none, or names no type that there is.
std::uint32_t registered_type(const event::Event& event) {
    if (event.type != static_cast<std::uint16_t>(event::EventType::kRegJob)) return 0;
    return process_type_from_word(event.text("jobtype"));
}

const Claim* claim_in(const Registers& registers, Attr attribute) {
    const auto at = registers.claims.find(Slot{attribute.number(), {}});
    return at == registers.claims.end() ? nullptr : &at->second;
}

// Relations are told at both ends, access lists edited from anywhere: those who speak have no
// clock in common, so time alone decides.
bool goes_by_time(const event::Event& event) {
    return event.type == static_cast<std::uint16_t>(event::EventType::kConnectJob) ||
           event.type == static_cast<std::uint16_t>(event::EventType::kDisconnectJob) ||
           event.type == static_cast<std::uint16_t>(event::EventType::kChangeACL);
}

Outcome fold(const Machine& machine, Registers& registers, const Subject& subject) {
    const auto key_by = [&](event::ClockFamily family) {
        return event::order_key(subject.event, subject.arrival, family);
    };
    const std::string key =
        key_by(event::clock_family_of(static_cast<event::ProcessType>(machine.type)));
    const bool common =
        put_data(registers, common_rows(), subject,
                 goes_by_time(subject.event) ? key_by(event::ClockFamily::kNone) : key);
    const TrackRow* row = find_row(machine.track, subject);
    const bool own = put_data(registers, machine.data, subject, key);
    const bool is_nothing = row != nullptr && row->role == kNothing;
    if (!is_nothing) put_moved(registers, machine, row, subject, key);
    const bool moves = row != nullptr && !is_nothing;
    return common || own || moves ? Outcome::kApplied : Outcome::kNoted;
}

// The registration that decides: the first by key, or any while only a key implied the type or a
// parent planned it.
bool decides_type(Registry registry, const Registers& registers, const Subject& subject) {
    const std::uint32_t type = registered_type(subject.event);
    if (type == 0 || type == registers.type || find_machine(registry, type) == nullptr)
        return false;
    const Claim* known = claim_in(registers, kRegType);
    if (known == nullptr) return true;
    const std::string key =
        event::order_key(subject.event, subject.arrival, event::ClockFamily::kNone);
    return key < known->key;
}

// Plain registers as their shapes say; machines overwrite what they derive.
void show_registers(const Registers& registers, Draft& draft) {
    for (std::size_t i = 0; i < kAttributeCount; ++i) {
        const AttributeInfo& info = kAttributes[i];
        if (info.shape == Shape::kHidden || info.merge == Merge::kDerived) continue;
        nlohmann::ordered_json value = show_register(registers, info);
        if (!value.is_null()) draft.set_json(i, std::move(value));
    }
}

void show_limits(const Registers& registers, Draft& draft) {
    for (const std::uint16_t number : registers.truncated)
        if (const AttributeInfo* info = find_attribute(number)) draft.add_truncated(info->name);
    if (registers.track_truncated) draft.add_truncated("stateEnterTimes");
    if (registers.not_understood) draft.set("not_understood", true);
}

void set_identity(const Machine* machine, const Registers& registers, std::string_view process,
                  Draft& draft) {
    draft.set("jobId", process);
    draft.set("jobtype", machine == nullptr ? std::string_view() : machine->word);
    if (machine != nullptr && !is_registered(registers)) draft.set("adopted", true);
}

std::string text_of(const Draft& draft, Attr attribute) {
    return draft.has(attribute) ? draft.get(attribute).get<std::string>() : std::string();
}

}  // namespace

std::string_view to_string(MainState state) {
    constexpr std::string_view kWords[] = {"Undefined", "Submitted", "Waiting", "Ready",
                                           "Scheduled", "Running",   "Done",    "Cleared",
                                           "Aborted",   "Cancelled", "Unknown", "Purged"};
    return kWords[static_cast<std::size_t>(state)];
}

std::string_view to_string(Outcome outcome) {
    switch (outcome) {
        case Outcome::kApplied:
        case Outcome::kTypeChanged:
            return "applied";
        case Outcome::kNoted:
            return "noted";
        case Outcome::kNotUnderstood:
            return "unknown";
        case Outcome::kWaiting:
            return "unregistered";
    }
    return {};
}

Registers fresh(std::uint32_t implied_type) {
    Registers registers;
    registers.type = implied_type;
    return registers;
}

bool is_registered(const Registers& registers) {
    return has_own_registration(registers) || claim_in(registers, kEmbryoType) != nullptr;
}

bool has_own_registration(const Registers& registers) {
    return claim_in(registers, kRegType) != nullptr;
}

// The child has the registration's key, whatever its type: so it is Submitted before all else.
Outcome apply_embryo(Registry registry, Registers& registers, const event::Event& registration,
                     const event::Arrival& arrival, std::string_view parent) {
    const event::Event embryo = embryo_event(registration, parent);
    const Subject subject{embryo, arrival};
    Outcome outcome = Outcome::kApplied;
    const std::uint32_t type = registered_type(embryo);
    if (!is_registered(registers) && registers.type != type) {
        registers = fresh(type);
        outcome = Outcome::kTypeChanged;
    }
    const Machine* machine = find_machine(registry, registers.type);
    if (machine == nullptr) return Outcome::kWaiting;
    const std::string key = event::order_key(embryo, arrival, event::ClockFamily::kNone);
    put_data(registers, embryo_rows(), subject, key);
    put_moved(registers, *machine, find_row(machine->track, subject), subject, key);
    return outcome;
}

Outcome apply_embryo(Registers& registers, const event::Event& registration,
                     const event::Arrival& arrival, std::string_view parent) {
    return apply_embryo(machines(), registers, registration, arrival, parent);
}

Outcome apply(Registry registry, Registers& registers, const event::Event& event,
              const event::Arrival& arrival) {
    const Subject subject{event, arrival};
    Outcome outcome = Outcome::kApplied;
    if (decides_type(registry, registers, subject)) {
        registers = fresh(registered_type(event));
        outcome = Outcome::kTypeChanged;
    }
    const Machine* machine = find_machine(registry, registers.type);
    if (machine == nullptr) return Outcome::kWaiting;
    if (event::find_type(event.type) == nullptr) {
        registers.not_understood = true;
        return Outcome::kNotUnderstood;
    }
    const Outcome folded = fold(*machine, registers, subject);
    return outcome == Outcome::kTypeChanged ? outcome : folded;
}

Outcome apply(Registers& registers, const event::Event& event, const event::Arrival& arrival) {
    return apply(machines(), registers, event, arrival);
}

bool merge(Registers& registers, const Registers& other) {
    if (other.type == 0) return true;
    if (registers.type == 0) {
        registers = other;
        return true;
    }
    if (registers.type != other.type) return false;
    const Machine* machine = find_machine(machines(), registers.type);
    registers.rules_version = std::max(registers.rules_version, other.rules_version);
    for (const auto& [slot, claim] : other.claims)
        if (const AttributeInfo* info = find_attribute(slot.register_number))
            put_claim(registers, *info, slot.name, claim);
    for (const TrackClaim& claim : other.track)
        put_track(registers, claim, bounds_of(machine, claim.row));
    std::vector<std::uint16_t> truncated;
    std::set_union(registers.truncated.begin(), registers.truncated.end(), other.truncated.begin(),
                   other.truncated.end(), std::back_inserter(truncated));
    registers.truncated = std::move(truncated);
    registers.track_truncated |= other.track_truncated;
    registers.not_understood |= other.not_understood;
    return true;
}

namespace {

Draft draft_of(Registry registry, const Registers& registers, std::string_view process,
               std::span<const Child> children) {
    const Machine* machine = find_machine(registry, registers.type);
    Draft draft;
    set_identity(machine, registers, process, draft);
    if (machine == nullptr) {
        draft.course().set_state_without_time(MainState::kUnknown);
        return draft;
    }
    show_registers(registers, draft);
    machine->derive(*machine, registers, draft);
    draft.course().judge_done(text_of(draft, "done_code") != "OK");
    show_access(registers, draft);
    draft.set("payload_owner", payload_owner(registers));
    show_limits(registers, draft);
    if (machine->count != nullptr) machine->count(registers, children, draft);
    show_connections(registers, process, draft);
    return draft;
}

ProcessStatus status_of(const Draft& draft, const Registers& registers, std::string_view process) {
    ProcessStatus status;
    status.process = process;
    status.type = registers.type;
    status.state = draft.course().state();
    status.vm_state = text_of(draft, "vm_state");
    status.done_code = text_of(draft, "done_code");
    status.owner = text_of(draft, "owner");
    status.host = text_of(draft, "vm_phy_hostname");
    status.entered_us = draft.course().entered_us();
    status.updated_us = draft.course().updated_us();
    status.is_adopted = draft.has(Attr{"adopted"});
    status.steps = draft.course().steps();
    status.moves = draft.course().moves();
    return status;
}

}  // namespace

ProcessStatus derive(Registry registry, const Registers& registers, std::string_view process,
                     std::span<const Child> children) {
    Draft draft = draft_of(registry, registers, process, children);
    ProcessStatus status = status_of(draft, registers, process);
    status.attributes = std::move(draft).finish();
    return status;
}

ProcessStatus derive(const Registers& registers, std::string_view process,
                     std::span<const Child> children) {
    return derive(machines(), registers, process, children);
}

ProcessStatus derive_state(const Registers& registers, std::string_view process,
                           std::span<const Child> children) {
    return status_of(draft_of(machines(), registers, process, children), registers, process);
}

}  // namespace lb::state
