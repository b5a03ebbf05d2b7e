// What stands beside the attributes: evidence, and, as it depends on now, disagreements past their
// grace time and stale parties.
#include <algorithm>
#include <map>
#include <tuple>

#include "bkserver/state/engine.h"
#include "bkserver/state/machine.h"
#include "bkserver/state/vm_facts.h"
#include "bkserver/state/vm_view.h"
#include "common/event/field_text.h"
#include "common/event/time_text.h"

namespace lb::state {
namespace {

using nlohmann::ordered_json;

std::string source_name(event::Source source) {
    return event::text_of(source);
}

void find_stale(const ViewInput& input, View& view) {
    for (const Sighting& logger : input.loggers)
        if (logger.at_us <= input.silent_at_us()) view.stale.push_back(logger.who);
    std::sort(view.stale.begin(), view.stale.end());
}

bool has_disagreements(const Machine& machine) {
    return machine.word == "virtual_machine" || machine.word == "physical_machine";
}

}  // namespace

std::string_view manager_host_of(const Registers& registers) {
    if (!has_disagreements(registers.type)) return {};
    return vm::manager_host(registers.track);
}

std::vector<std::string> hosts_of(const Registers& registers) {
    std::vector<std::string> hosts;
    for (const TrackClaim& claim : registers.track)
        if (!claim.texts.empty() && !claim.texts.front().empty())
            hosts.push_back(claim.texts.front());
    const std::string_view manager = manager_host_of(registers);
    if (!manager.empty()) hosts.emplace_back(manager);
    std::sort(hosts.begin(), hosts.end());
    hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
    return hosts;
}

ordered_json View::to_json() const {
    ordered_json named = ordered_json::array();
    for (const Disagreement& one : disagreements) {
        ordered_json entry{
            {"name", one.name}, {"since", event::time_to_text(one.since_us)}, {"text", one.text}};
        if (!one.stale.empty()) entry["stale"] = one.stale;
        named.push_back(std::move(entry));
    }
    return ordered_json{{"disagreements", named}, {"stale", stale}};
}

View view(const Registers& registers, const ViewInput& input) {
    View view;
    const Machine* machine = find_machine(machines(), registers.type);
    if (machine == nullptr) return view;
    find_stale(input, view);
    if (has_disagreements(*machine)) vm::add_disagreements(*machine, registers, input, view);
    return view;
}

ordered_json evidence_of(Registry registry, const Registers& registers) {
    ordered_json list = ordered_json::array();
    const Machine* machine = find_machine(registry, registers.type);
    if (machine == nullptr) return list;
    std::map<std::pair<std::string, std::string>, const TrackClaim*> newest;
    for (const TrackClaim& claim : registers.track) {
        const TrackRow* row = find_row(machine->track, claim.row);
        if (row == nullptr) continue;
        const bool has_host = machine->groups == Groups::kByFirstText && !claim.texts.empty();
        newest[{source_name(claim.source), has_host ? claim.texts.front() : std::string()}] =
            &claim;
    }
    for (const auto& [party, claim] : newest) {
        const TrackRow* row = find_row(machine->track, claim->row);
        const event::TypeInfo* type = event::find_type(static_cast<std::uint16_t>(row->event));
        ordered_json entry{{"source", party.first}};
        if (!party.second.empty()) entry["host"] = party.second;
        entry["event"] = type == nullptr ? "" : std::string(type->name);
        if (!row->phase.empty()) entry["says"] = row->phase;
        entry["time"] = event::time_to_text(claim->time_us);
        list.push_back(std::move(entry));
    }
    return list;
}

ordered_json evidence_of(const Registers& registers) {
    return evidence_of(machines(), registers);
}

bool has_disagreements(std::uint32_t type) {
    const Machine* machine = find_machine(machines(), type);
    return machine != nullptr && has_disagreements(*machine);
}

std::optional<std::int64_t> first_due(const Registers& registers) {
    const Machine* machine = find_machine(machines(), registers.type);
    if (machine == nullptr || !has_disagreements(*machine)) return {};
    View view;  // from before all time: every disagreement is still to come
    vm::add_disagreements(*machine, registers, {}, view);
    return view.next_due_us;
}

}  // namespace lb::state
