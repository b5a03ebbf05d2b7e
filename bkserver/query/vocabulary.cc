#include "bkserver/query/vocabulary.h"

#include "bkserver/state/attributes.h"
#include "bkserver/state/engine.h"
#include "common/event/table.h"

namespace lb::query {

namespace {

using language::Kind;
using language::Term;
using store::Column;

// Greater than any number of a process type and of an event type.
constexpr std::uint32_t kTypesMax = 64;

std::vector<std::string> words_of_states() {
    std::vector<std::string> words;
    for (int state = 0; state <= static_cast<int>(state::MainState::kPurged); ++state)
        words.emplace_back(state::to_string(static_cast<state::MainState>(state)));
    return words;
}

std::vector<std::string> words_of_types() {
    std::vector<std::string> words;
    for (std::uint32_t type = 0; type < kTypesMax; ++type)
        if (const auto word = state::process_type_word(type); !word.empty())
            words.emplace_back(word);
    return words;
}

std::vector<std::string> words_of_events() {
    std::vector<std::string> words;
    for (const event::TypeInfo& type : event::types()) words.emplace_back(type.name);
    return words;
}

std::vector<std::string> texts(std::span<const std::string_view> views) {
    return {views.begin(), views.end()};
}

// Those of processes that the store keeps in columns.
void add_columns(Domain& domain) {
    const auto add = [&](const char* name, Kind kind, std::vector<std::string> words,
                         const char* path, Column column, const char* help) {
        domain.add({name, kind, false, std::move(words), help}, {Origin::kStatus, path, column});
    };
    add("type", Kind::kWord, words_of_types(), "jobtype", Column::kType, "what the process is");
    add("state", Kind::kWord, words_of_states(), "state", Column::kState, "main state");
    add("vm_state", Kind::kText, {}, "vm_state", Column::kVmState,
        "of machines: pending, running, stopped, ...");
    add("owner", Kind::kIdentity, {}, "owner", Column::kOwner, "who registered it");
    add("host", Kind::kText, {}, "vm_phy_hostname", Column::kHost, "physical machine it is on");
    add("entered", Kind::kTime, {}, "stateEnterTime", Column::kEntered,
        "when it entered its state");
    add("updated", Kind::kTime, {}, "lastUpdateTime", Column::kUpdated,
        "when it was last heard of");
}

// What is known of a time that has gone, by what is known now.
void add_past(Domain& domain) {
    const auto add = [&](const char* name, Kind kind, std::vector<std::string> words,
                         const char* path, const char* help) {
        domain.add({name, kind, true, std::move(words), help, true}, {Origin::kPast, path, {}});
    };
    add("state_at", Kind::kWord, words_of_states(), "state", "main state then: state_at.-2h");
    add("vm_state_at", Kind::kText, {}, "vm_state", "of machines, then: vm_state_at.-2h");
    add("host_at", Kind::kText, {}, "vm_phy_hostname",
        "physical machine that it was on then: host_at.2026-11-25T12:00:00Z");
}

Kind kind_of(state::Shape shape) {
    switch (shape) {
        case state::Shape::kBool:
            return Kind::kFlag;
        case state::Shape::kInteger:
            return Kind::kInteger;
        case state::Shape::kTime:
            return Kind::kTime;
        case state::Shape::kText:
        case state::Shape::kNamed:
        case state::Shape::kPeriods:
        case state::Shape::kPairs:
        case state::Shape::kLines:
        case state::Shape::kList:
        case state::Shape::kObject:
        case state::Shape::kHidden:
            break;
    }
    return Kind::kText;
}

bool has_members(state::Shape shape) {
    return shape == state::Shape::kNamed || shape == state::Shape::kPairs;
}

Domain make_process_domain() {
    Domain domain;
    add_columns(domain);
    add_past(domain);
    domain.add({"id", Kind::kText, false, {}, "process id, its unique part, or a key"},
               {Origin::kNames, "", Column::kName});
    domain.add({"key", Kind::kText, false, {}, "any of its names: libvirt-uuid:/6b1a..."},
               {Origin::kNames, "", Column::kName});
    domain.add({"parent", Kind::kText, false, {}, "id or key of its parent, or of its cluster"},
               {Origin::kParents, "", Column::kParent});
    domain.add({"child", Kind::kText, false, {}, "id or key of a child or member of it"},
               {Origin::kChildren, "", Column::kChild});
    domain.add(
        {"cloud", Kind::kText, false, {}, "whose machine it is: one-vmid:cloud1, nova-uuid:"},
        {Origin::kCloud, "", Column::kCloud});
    domain.add({"adopted", Kind::kFlag, false, {}, "nobody registered it"},
               {Origin::kStatus, "adopted", Column::kAdopted});
    domain.add({"disagreement", Kind::kText, false, {}, "lost, stray, zombie, silent, ..."},
               {Origin::kDisagreement, "", {}});
    domain.add({"stale", Kind::kText, false, {}, "host whose logger is silent"},
               {Origin::kStale, "", {}});
    domain.add({"tag", Kind::kText, true, {}, "a user's tag: tag.NAME"},
               {Origin::kStatus, "user_tags", {}});
    domain.add(
        {"entered_state", Kind::kTime, true, {}, "when it entered a state: entered_state.Running"},
        {Origin::kStatus, "stateEnterTimes", {}});
    domain.add({"jdl_classad",
                Kind::kText,
                true,
                {},
                "of the job description: jdl_classad.VirtualOrganisation"},
               {Origin::kClassAd, "jdl", {}});
    domain.add({"cluster", Kind::kText, false, {}, "cluster that it is a member of"},
               {Origin::kStatus, "memberships", {}});
    domain.add({"name", Kind::kText, false, {}, "name of the machine"},
               {Origin::kStatus, "vm_name", {}});
    domain.add({"address", Kind::kText, false, {}, "network address it has or had"},
               {Origin::kStatus, "addresses", {}});
    // In the original's order: what is greater than OK is not well.
    for (const char* name : {"done_code", "cream_done_code"})
        domain.add({name, Kind::kWord, false, {"OK", "FAILED", "CANCELLED"}, "how it ended"},
                   {Origin::kStatus, name, {}});
    for (const state::AttributeInfo& info : state::kAttributes) {
        if (info.shape == state::Shape::kHidden) continue;
        if (language::find_term(domain.terms, info.name) < domain.terms.size()) continue;
        domain.add({std::string(info.name), kind_of(info.shape), has_members(info.shape), {}, ""},
                   {Origin::kStatus, std::string(info.name), {}});
    }
    return domain;
}

// All that can be asked of a process, of the one that an event is of.
void add_process_terms(Domain& domain) {
    const Domain& processes = process_domain();
    for (std::size_t i = 0; i < processes.terms.size(); ++i) {
        Term term = processes.terms[i];
        term.name = "process." + term.name;
        domain.add(std::move(term),
                   {Origin::kProcess, processes.sources[i].path, processes.sources[i].column, i});
    }
}

Domain make_event_domain() {
    Domain domain;
    domain.add({"type", Kind::kWord, false, words_of_events(), "event type: VMStop, ..."},
               {Origin::kEvent, "type", Column::kEventType});
    domain.add({"time",
                Kind::kTime,
                false,
                {},
                "when it happened; of a clock that is ahead: when it was accepted"},
               {Origin::kEvent, "time", Column::kEventTime});
    domain.add({"arrived", Kind::kTime, false, {}, "when it reached the server"},
               {Origin::kEvent, "arrived", Column::kEventArrived});
    domain.add({"process", Kind::kText, false, {}, "process id, its unique part, or a key"},
               {Origin::kNames, "", Column::kName});
    domain.add({"source", Kind::kWord, false, texts(event::source_names()), "who says so"},
               {Origin::kEvent, "source", {}});
    domain.add({"level", Kind::kWord, false, texts(event::level_names()), "its weight"},
               {Origin::kEvent, "level", {}});
    domain.add({"host", Kind::kText, false, {}, "host that logged it"},
               {Origin::kEvent, "host", {}});
    domain.add({"instance", Kind::kText, false, {}, "instance of the source"},
               {Origin::kEvent, "instance", {}});
    domain.add({"user", Kind::kText, false, {}, "identity that the producer states"},
               {Origin::kEvent, "user", {}});
    domain.add({"identity", Kind::kIdentity, false, {}, "who logged it, proven"},
               {Origin::kEvent, "identity", {}});
    domain.add({"forwarder", Kind::kIdentity, false, {}, "who delivered it, proven"},
               {Origin::kEvent, "forwarder", {}});
    domain.add({"verdict", Kind::kText, false, {}, "accepted, unknown, unregistered"},
               {Origin::kEvent, "verdict", {}});
    domain.add({"field", Kind::kText, true, {}, "a field of its type: field.hostname"},
               {Origin::kField, "fields", {}});
    domain.add({"attribute", Kind::kText, true, {}, "an attribute beyond its type's fields"},
               {Origin::kField, "attributes", {}});
    add_process_terms(domain);
    return domain;
}

}  // namespace

const Domain& process_domain() {
    static const Domain domain = make_process_domain();
    return domain;
}

const Domain& event_domain() {
    static const Domain domain = make_event_domain();
    return domain;
}

}  // namespace lb::query
