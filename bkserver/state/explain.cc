// Why an attribute is what it is: the deciding claim, those it overruled, the rows that feed it.
#include <algorithm>

#include "bkserver/state/access.h"
#include "bkserver/state/engine.h"
#include "bkserver/state/machine.h"
#include "bkserver/state/words.h"
#include "common/base/json_line.h"
#include "common/event/event_id.h"

namespace lb::state {
namespace {

std::string rule_words(event::EventType type, Sources sources, const When& when) {
    const std::string condition = when_words(when);
    return event_word(type) + " from " + sources_words(sources) +
           (condition.empty() ? "" : " with " + condition);
}

ClaimView view_of(const Claim& claim) {
    return {claim.event_id, claim.key, claim.time_us, claim.source, {}, {}, claim.value};
}

ClaimView view_of(const Machine& machine, const TrackClaim& claim) {
    ClaimView view{claim.event_id, claim.key, claim.time_us, claim.source, {}, {}, {}};
    const TrackRow* row = find_row(machine.track, claim.row);
    if (row == nullptr) return view;
    if (machine.groups == Groups::kByFirstText && !claim.texts.empty())
        view.host = claim.texts.front();
    view.event = event_word(row->event);
    view.value = row->phase.empty() ? to_string(row->to) : row->phase;
    return view;
}

// Claims of the track that name a state, newest first, without the winner.
std::vector<ClaimView> overruled_of(const Machine& machine, const Registers& registers,
                                    const TrackClaim* winner) {
    std::vector<ClaimView> overruled;
    for (auto claim = registers.track.rbegin(); claim != registers.track.rend(); ++claim) {
        const TrackRow* row = find_row(machine.track, claim->row);
        const bool moves =
            row != nullptr && (row->to != MainState::kUndefined || !row->phase.empty());
        if (moves && (winner == nullptr || claim->key != winner->key))
            overruled.push_back(view_of(machine, *claim));
    }
    return overruled;
}

void explain_track(const Machine& machine, const Registers& registers, Explanation& explanation) {
    const Decision decision = machine.decide(machine, registers, explanation.attribute);
    if (decision.claim != nullptr) explanation.decided_by = view_of(machine, *decision.claim);
    explanation.overruled = overruled_of(machine, registers, decision.claim);
    explanation.remark =
        decision.claim == nullptr ? "no event says so: the default" : decision.remark;
    for (const TrackRow& row : machine.track)
        if (row.role != kNothing && (row.to != MainState::kUndefined || !row.phase.empty()))
            explanation.rules.push_back(
                rule_words(row.event, row.sources, row.when) + " says " +
                std::string(row.phase.empty() ? to_string(row.to) : row.phase));
}

void add_rules(std::span<const DataRow> rows, std::uint16_t number, Explanation& explanation) {
    for (const DataRow& row : rows)
        if (row.into.attribute.number() == number)
            explanation.rules.push_back(rule_words(row.event, row.sources, row.when));
}

std::vector<ClaimView> claims_on(const Registers& registers, std::uint16_t number) {
    std::vector<ClaimView> claims;
    for (auto at = registers.claims.lower_bound(Slot{number, {}});
         at != registers.claims.end() && at->first.register_number == number; ++at)
        claims.push_back(view_of(at->second));
    std::sort(claims.begin(), claims.end(),
              [](const ClaimView& a, const ClaimView& b) { return a.key > b.key; });
    return claims;
}

void explain_register(const Machine& machine, const Registers& registers, const AttributeInfo& info,
                      Explanation& explanation) {
    const std::vector<ClaimView> claims = claims_on(registers, info.number);
    if (!claims.empty()) explanation.decided_by = claims.front();
    add_rules(common_rows(), info.number, explanation);
    add_rules(machine.data, info.number, explanation);
    explanation.remark = claims.empty()                 ? "no event says so: the default"
                         : info.merge == Merge::kFirst  ? "the first claim wins"
                         : info.merge == Merge::kNewest ? "the newest claim wins"
                                                        : "for each name the newest claim wins";
}

// Attributes that are read off hidden registers, for every type: they have nothing to do with the
// claims that move the state. Of several rows the first whose register has a claim explains it.
struct ReadOff {
    Attr attribute;
    Attr source;
};
// clang-format off
constexpr ReadOff kReadOff[] = {
    {"jobtype",        "reg_type"},
    {"jobtype",        "embryo_type"},
    {"jdl",            "jdl_weak"},
    {"network_server", "ns_first"},
    {"pbs_error_desc", "pbs_errors"},
    {"connections",    "edges"},
    {"acl",            "acl_allowed"},
    {"acl",            "acl_denied"},
    {"acl",            "wms_dn"},
    {"access_rights",  "acl_allowed"},
    {"access_rights",  "acl_denied"},
    {"access_rights",  "wms_dn"},
};
// clang-format on

// And those that no event says.
struct Told {
    Attr attribute;
    std::string_view remark;
};
constexpr Told kTold[] = {
    {"jobId", "the id under which it is kept"},
    {"adopted", "nobody registered it: its key tells what it is"},
    {"truncated", "more was claimed than a process may keep: the oldest was let go"},
    {"not_understood", "an event of a newer program, which this one does not know"},
};

// False: the attribute is none of these.
bool explain_of_all_types(const Machine& machine, const Registers& registers,
                          const AttributeInfo& info, Explanation& explanation) {
    for (const Told& told : kTold) {
        if (told.attribute.number() != info.number) continue;
        explanation.remark = told.remark;
        return true;
    }
    if (info.number == Attr{"payload_owner"}.number()) {
        if (const Claim* claim = payload_claim(registers)) explanation.decided_by = view_of(*claim);
        explanation.remark = "granted and taken: the later word of both";
        add_rules(common_rows(), Attr{"grants"}.number(), explanation);
        add_rules(common_rows(), Attr{"takes"}.number(), explanation);
        return true;
    }
    for (const ReadOff& row : kReadOff) {
        const bool explains = row.attribute.number() == info.number &&
                              !claims_on(registers, row.source.number()).empty();
        if (!explains) continue;
        explain_register(machine, registers, row.source.info(), explanation);
        return true;
    }
    return false;
}

}  // namespace

Result<Explanation> explain(const Registers& registers, std::string_view attribute,
                            std::span<const Child> children) {
    const std::size_t index = attribute_index(attribute);
    const Machine* machine = find_machine(machines(), registers.type);
    if (index == kAttributeCount || kAttributes[index].shape == Shape::kHidden)
        return Error{ErrorCode::kNotFound,
                     "there is no attribute \"" + std::string(attribute) + "\""};
    Explanation explanation;
    explanation.attribute = attribute;
    const auto all = derive(registers, "", children).attributes;
    const auto shown = all.find(attribute);
    const bool is_shown = shown != all.end();
    if (is_shown)
        explanation.value = shown->is_string() ? shown->get<std::string>() : json_line(*shown);
    if (machine == nullptr) {
        explanation.remark = "nobody registered the process, and no key tells what it is";
        return explanation;
    }
    const AttributeInfo& info = kAttributes[index];
    // Some registers are not a machine's own: it derives the attribute, claimed or not.
    const bool is_claimed = registers.claims.contains(Slot{info.number, {}});
    const bool is_plain = is_claimed || is_named(info.merge) || !is_shown;
    if (info.merge != Merge::kDerived && is_plain)
        explain_register(*machine, registers, info, explanation);
    else if (!(is_shown || attribute == "jobId") ||
             !explain_of_all_types(*machine, registers, info, explanation))
        explain_track(*machine, registers, explanation);
    // Said by the children, not by an event of its own.
    const auto own = derive(registers, "").attributes;
    const bool is_counted = is_shown && !children.empty() &&
                            own.value(std::string(attribute), nlohmann::ordered_json()) != *shown;
    if (is_counted) {
        explanation.decided_by.reset();
        explanation.remark =
            "counted from its " + std::to_string(children.size()) + " children or members";
    }
    return explanation;
}

std::vector<std::pair<std::string, std::string>> claims_of(std::uint32_t type,
                                                           const event::Event& event) {
    std::vector<std::pair<std::string, std::string>> claims;
    const event::Arrival arrival;
    const Subject subject{event, arrival};
    const Machine* machine = find_machine(machines(), type);
    const auto add = [&](std::span<const DataRow> rows) {
        for (const DataRow& row : rows) {
            if (!takes(row, subject)) continue;
            std::string value = value_of(row.value, subject);
            if (!value.empty())
                claims.emplace_back(row.into.attribute.info().name, std::move(value));
        }
    };
    add(common_rows());
    if (machine == nullptr) return claims;
    add(machine->data);
    const TrackRow* row = find_row(machine->track, subject);
    if (row == nullptr || row->role == kNothing) return claims;
    if (row->to != MainState::kUndefined) claims.emplace_back("state", to_string(row->to));
    if (!row->phase.empty())
        claims.emplace_back(std::string(machine->phase_attribute), std::string(row->phase));
    return claims;
}

}  // namespace lb::state
