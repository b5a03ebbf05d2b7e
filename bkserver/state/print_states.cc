#include "bkserver/state/print_states.h"

#include <set>
#include <utility>

#include "bkserver/state/words.h"

namespace lb::state {
namespace {

std::string cell(std::string text) {
    return text.empty() ? " |" : " " + std::move(text) + " |";
}

void print_data(std::span<const DataRow> rows, std::string& out) {
    out += "| Event | Source | When | Register | Value | Wins |\n|---|---|---|---|---|---|\n";
    for (const DataRow& row : rows) {
        std::string into(row.into.attribute.info().name);
        if (!row.into.name.empty()) {
            into += "[" + std::string(row.into.name);
            if (!row.into.or_name.empty()) into += " or " + std::string(row.into.or_name);
            into += "]";
        }
        out += "|" + cell(event_word(row.event)) + cell(sources_words(row.sources)) +
               cell(when_words(row.when)) + cell(into) + cell(value_words(row.value)) +
               cell(std::string(merge_word(row.merge))) + "\n";
    }
    out += "\n";
}

std::string kept_words(const Kept& kept) {
    std::string text;
    for (const Keep& keep : kept) {
        std::string one(keep.field);
        if (keep.otherwise == Keep::Else::kEnvelopeHost)
            one += one.empty() ? "the event's host" : " or the event's host";
        if (keep.is_place) {
            if (one.empty()) one = "source";
            one += "/" + std::string(keep.host_field.empty() ? "host" : keep.host_field);
            one += "/" + std::string(keep.host_field.empty() ? "instance" : keep.instance_field);
        }
        if (one.empty()) continue;
        if (!text.empty()) text += ", ";
        text += one;
    }
    return text;
}

std::string target_word(const TrackRow& row) {
    if (row.role == kNothing) return "(nothing at all)";
    return row.to == MainState::kUndefined ? "" : std::string(to_string(row.to));
}

void print_track(std::span<const TrackRow> rows, std::string& out) {
    out += "| Row | Event | Source | When | Moves to | Own word | Kept with it |\n";
    out += "|---|---|---|---|---|---|---|\n";
    for (const TrackRow& row : rows)
        out += "|" + cell(std::to_string(row.id)) + cell(event_word(row.event)) +
               cell(sources_words(row.sources)) + cell(when_words(row.when)) +
               cell(target_word(row)) + cell(std::string(row.phase)) + cell(kept_words(row.kept)) +
               "\n";
    out += "\n";
}

std::string node_of(const TrackRow& row) {
    std::string node(to_string(row.to));
    if (!row.phase.empty()) node += "\\n" + std::string(row.phase);
    return "\"" + node + "\"";
}

void print_ignored(const Machine& machine, std::string& out) {
    if (machine.ignored.empty()) return;
    out += "No move by events of: ";
    bool first = true;
    for (const std::string_view name : machine.ignored) {
        if (!first) out += ", ";
        out += name;
        first = false;
    }
    out += ".\n\n";
}

}  // namespace

std::string print_states(const Machine& machine) {
    std::string out = "## " + std::string(machine.word) + "\n\n";
    out += "### Data claims\n\nAll rows that match count.\n\n";
    print_data(machine.data, out);
    out += "### Track claims\n\nThe first row that matches counts.\n\n";
    print_track(machine.track, out);
    print_ignored(machine, out);
    out += "```dot\n" + print_graph(machine) + "```\n";
    return out;
}

// Every event may come in every state, so edges begin at the process, one an event and state.
std::string print_graph(const Machine& machine) {
    std::set<std::pair<std::string, std::string>> edges;
    for (const TrackRow& row : machine.track)
        if (row.role != kNothing && row.to != MainState::kUndefined)
            edges.emplace(node_of(row), event_word(row.event));
    std::string out = "digraph " + std::string(machine.word) + " {\n  rankdir=LR;\n";
    out += "  process [shape=point];\n";
    for (const auto& [node, event] : edges)
        out += "  process -> " + node + " [label=\"" + event + "\"];\n";
    return out + "}\n";
}

std::string print_all_graphs() {
    std::string out;
    for (const Machine* machine : machines()) out += print_graph(*machine);
    return out;
}

std::string print_all_states() {
    std::string out =
        "# State tables\n\nPrinted from the rows in this folder; a test compares. How claims "
        "become "
        "a state: README.md.\n\n## All types\n\n";
    print_data(common_rows(), out);
    for (const Machine* machine : machines()) out += print_states(*machine) + "\n";
    return out;
}

}  // namespace lb::state
