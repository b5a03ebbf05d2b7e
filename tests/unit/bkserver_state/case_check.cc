#include "tests/unit/bkserver_state/case_check.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/event/time_text.h"

namespace lb::test {
namespace {

using nlohmann::json;

constexpr std::int64_t kT0 = 1'325'376'000'000'000;  // 2012-01-01T00:00:00Z

std::string time_of(const json& offset) {
    return event::time_to_text(kT0 + std::llround(offset.get<double>() * 1e6));
}

json expected_value(const std::string& name, const json& value) {
    if ((name == "stateEnterTime" || name == "lastUpdateTime") && value.is_number())
        return time_of(value);
    if (name != "stateEnterTimes") return value;
    json times = json::object();
    for (const auto& [state, offset] : value.items()) times[state] = time_of(offset);
    return times;
}

// The original kept whole seconds in stateEnterTimes.
json in_whole_seconds(json times) {
    if (times.is_object())
        for (auto& [state, time] : times.items())
            time = time.get<std::string>().substr(0, std::string("2012-01-01T00:00:00").size());
    return times;
}

void compare(const std::string& place, const std::string& name, json wanted, const json& status,
             std::vector<std::string>& differences) {
    json got = status.contains(name) ? status.at(name) : json();
    if (name == "stateEnterTimes") {
        wanted = in_whole_seconds(std::move(wanted));
        got = in_whole_seconds(std::move(got));
    }
    if (got == wanted) return;
    differences.push_back(place + " " + name + ": expected " + wanted.dump() + ", got " +
                          got.dump());
}

// What is expected of one process.
void check_process(const std::string& place, const json& expected, const json& status,
                   CaseResult& result) {
    for (const char* name : {"state", "vm_state", "cream_state", "done_code"})
        if (expected.contains(name)) compare(place, name, expected.at(name), status, result.states);
    if (!expected.contains("attributes")) return;
    for (const auto& [name, value] : expected.at("attributes").items())
        compare(place, name, expected_value(name, value), status, result.attributes);
}

void check_connections(const Case& one, const json& expected, const cli::Replay& replay,
                       CaseResult& result) {
    if (!expected.contains("connections")) return;
    for (const json& wanted : expected.at("connections")) {
        const std::string from = one.roles.process(wanted.at("from").get<std::string>());
        const std::string to = one.roles.process(wanted.at("to").get<std::string>());
        const json edge{{"from", from}, {"to", to}, {"state", wanted.at("state")}};
        const json status = replay.status(from).attributes;
        const json list = status.value("connections", json::array());
        if (std::find(list.begin(), list.end(), edge) == list.end())
            result.states.push_back("connections: expected " + edge.dump() + ", got " +
                                    list.dump());
    }
}

// {"Done/OK": 78, "Cleared": 22} of the case's own process.
void check_histogram(const Case& one, const json& expected, const cli::Replay& replay,
                     CaseResult& result) {
    if (!expected.contains("children_histogram")) return;
    json wanted = json::object();
    for (const auto& [word, count] : expected.at("children_histogram").items())
        wanted[word == "Done/OK" ? "Done" : word] = count;
    const json status = replay.status(one.roles.process("main")).attributes;
    compare("final", "children_hist", wanted, status, result.states);
}

// Who said what last of the case's own process.
void check_evidence(const Case& one, const std::string& place, const json& expected,
                    const cli::Replay& replay, state::Registry registry, CaseResult& result) {
    const state::Registers* registers = replay.registers(one.roles.process("main"));
    if (!expected.contains("evidence") || registers == nullptr) return;
    const json seen{{"evidence", state::evidence_of(registry, *registers)}};
    compare(place, "evidence", expected.at("evidence"), seen, result.attributes);
}

void check(const Case& one, const std::string& place, const json& expected,
           const cli::Replay& replay, state::Registry registry, CaseResult& result) {
    if (expected.contains("jobs")) {
        for (const auto& [role, wanted] : expected.at("jobs").items())
            check_process(place + " " + role, wanted,
                          replay.status(one.roles.process(role)).attributes, result);
    } else {
        check_process(place, expected, replay.status(one.roles.process("main")).attributes, result);
    }
    check_connections(one, expected, replay, result);
    check_histogram(one, expected, replay, result);
    check_evidence(one, place, expected, replay, registry, result);
}

// What was evidently meant goes before what the original did.
json with_intent(const json& document) {
    json expected = document.at("expect_final");
    if (document.contains("intent") && document.at("intent").is_object())
        expected.merge_patch(document.at("intent"));
    // merge_patch would join the times of both; the intent's are whole.
    if (document.contains("intent") && document.at("intent").contains("attributes"))
        for (const auto& [name, value] : document.at("intent").at("attributes").items())
            expected["attributes"][name] = value;
    return expected;
}

// An expectation after an event that the case's intent overrules.
bool is_overruled(const Case& one, std::size_t index) {
    if (!one.document.contains("intent") || index + 1 != one.input.events.size()) return false;
    const json& intent = one.document.at("intent");
    return intent.contains("state") || intent.contains("cream_state");
}

}  // namespace

std::vector<Case> read_cases(const std::string& directory) {
    std::vector<Case> cases;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        if (entry.path().extension() != ".json") continue;
        std::ifstream in(entry.path());
        const std::string text{std::istreambuf_iterator<char>(in),
                               std::istreambuf_iterator<char>()};
        Case one;
        one.document = json::parse(text);
        one.name = one.document.at("name").get<std::string>();
        one.input = cli::read_replay(text, cli::ReplayForm::kDocument).value();
        one.roles = cli::Roles(one.document);
        cases.push_back(std::move(one));
    }
    std::sort(cases.begin(), cases.end(),
              [](const Case& a, const Case& b) { return a.name < b.name; });
    return cases;
}

std::string family_of(const Case& one) {
    return one.name.substr(0, one.name.find('-'));
}

std::string CaseResult::text() const {
    std::string all;
    for (const std::string& line : states) all += line + '\n';
    for (const std::string& line : attributes) all += line + '\n';
    return all;
}

CaseResult check_case(const Case& one, state::Registry registry) {
    CaseResult result;
    cli::Replay replay(registry);
    const json after = one.document.value("expect_after", json::object());
    for (std::size_t i = 0; i < one.input.events.size(); ++i) {
        const cli::ReplayStep step = replay.add(one.input.events[i]);
        const std::string place = "after " + std::to_string(i);
        if (step.verdict == "malformed") result.states.push_back(place + ": " + step.reason);
        if (after.contains(std::to_string(i)) && !is_overruled(one, i))
            check(one, place, after.at(std::to_string(i)), replay, registry, result);
    }
    check(one, "final", with_intent(one.document), replay, registry, result);
    return result;
}

std::string final_text(const std::vector<cli::ReplayEvent>& events) {
    cli::Replay replay;
    for (const cli::ReplayEvent& event : events) replay.add(event);
    std::vector<std::string> processes = replay.processes();
    std::sort(processes.begin(), processes.end());
    std::string text;
    for (const std::string& process : processes) text += replay.status(process).to_text() + '\n';
    return text;
}

}  // namespace lb::test
