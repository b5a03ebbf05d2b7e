// Every attribute that the original filled is filled here, for the same types of processes.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "bkserver/state/engine.h"
#include "tests/unit/bkserver_state/case_check.h"

namespace lb::test {
namespace {

using Names = std::set<std::string>;
// What statuses of a type showed, by the word of the type.
using Shown = std::map<std::string, Names>;

void fold(const std::vector<cli::ReplayEvent>& events, Shown& shown) {
    cli::Replay replay;
    const auto look = [&](const std::string& process) {
        const auto status = replay.status(process).attributes;
        if (!status.contains("jobtype")) return;
        Names& names = shown[status.at("jobtype").get<std::string>()];
        for (const auto& [name, value] : status.items()) names.insert(name);
    };
    for (const cli::ReplayEvent& event : events) look(replay.add(event).process);
    for (const std::string& process : replay.processes()) look(process);
}

// What any type may be told: registered, tagged, opened to somebody.
std::vector<cli::ReplayEvent> life_of(const std::string& type) {
    const nlohmann::json process = "https://lb.example.org:9000/rights";
    const nlohmann::json allowed = {{"user_id", "/O=lb/CN=bob"},
                                    {"user_id_type", "DN"},
                                    {"permission", "READ"},
                                    {"permission_type", "ALLOW"},
                                    {"operation", "ADD"}};
    nlohmann::json events = nlohmann::json::array();
    const auto say = [&](const char* event, const nlohmann::json& fields) {
        events.push_back({{"type", event},
                          {"process", process},
                          {"source", "UserInterface"},
                          {"host", "ui.example.org"},
                          {"t", events.size()},
                          {"fields", fields}});
    };
    say("RegJob", {{"jobtype", type}, {"ns", "n"}});
    say("UserTag", {{"name", "phase"}, {"value", "1"}});
    say("ChangeACL", allowed);
    return cli::read_replay(nlohmann::json{{"events", events}}.dump(), cli::ReplayForm::kDocument)
        .value()
        .events;
}

std::string text_of(const nlohmann::ordered_json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

// What stands in a status without anybody's word.
bool is_default(const std::string& value) {
    const Names defaults = {"0", "false", "UNKNOWN", "none"};
    return defaults.contains(value) || value.starts_with("this is ");
}

// What is wrong with the answer to: why has the attribute this value?
std::string fault_of(const Result<state::Explanation>& why, const std::string& value) {
    if (!why.ok()) return why.error().text;
    // Without its own id a process cannot show it.
    const bool has_id = why->attribute == "jobId" || why->attribute == "connections";
    if (!has_id && why->value != value) return "the answer is about " + why->value;
    // These have nothing to do with what moves the state; only such claims know their event's type.
    const Names apart = {"jobtype", "payload_owner",  "acl",        "access_rights",
                         "jdl",     "pbs_error_desc", "connections"};
    const bool is_of_state = why->decided_by && !why->decided_by->event.empty();
    if (is_of_state && apart.contains(why->attribute)) return "it names what moved the state";
    if (why->decided_by) return why->decided_by->event_id.empty() ? "it names no event" : "";
    if (why->remark.empty()) return "it says nothing";
    const bool is_called_default = why->remark == "no event says so: the default";
    return is_called_default && !is_default(value) ? why->remark : "";
}

}  // namespace

// Of each life, also that of its children.
TEST_CASE("every attribute of a status is explained by an event or by what it is made of") {
    const std::string fixtures = std::getenv("LB_SOURCE_DIR") + std::string("/tests/fixtures/");
    Names explained;
    for (const char* directory : {"cases", "traces"}) {
        for (const Case& one : read_cases(fixtures + directory)) {
            cli::Replay replay;
            for (const cli::ReplayEvent& event : one.input.events) replay.add(event);
            for (const std::string& process : replay.processes()) {
                const auto status = replay.status(process).attributes;
                if (!status.contains("jobtype")) continue;  // nobody said what it is
                const auto children = replay.children(process);
                for (const auto& [name, value] : status.items()) {
                    INFO(one.name << ": " << name << " of " << process << ": " << value.dump());
                    CHECK(fault_of(state::explain(*replay.registers(process), name, children),
                                   text_of(value)) == "");
                    explained.insert(name);
                }
            }
        }
    }
    CHECK(explained.size() > 100);
}

TEST_CASE("all attributes of the original are filled, for the types that it filled them for") {
    const std::string fixtures = std::getenv("LB_SOURCE_DIR") + std::string("/tests/fixtures/");
    Shown shown;
    for (const char* directory : {"cases", "traces"})
        for (const Case& one : read_cases(fixtures + directory)) fold(one.input.events, shown);
    for (const char* type : {"SIMPLE", "DAG", "COLLECTION", "PBS", "CONDOR", "CREAM",
                             "FILE_TRANSFER", "FILE_TRANSFER_COLLECTION", "VIRTUAL_MACHINE"})
        fold(life_of(type), shown);

    std::ifstream file(fixtures + "legacy_attributes.txt");
    int attributes = 0;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with('#')) continue;
        ++attributes;
        std::istringstream words(line);
        std::string name;
        words >> name;
        for (std::string type; words >> type;) {
            if (type == "-" || type == "server") continue;
            INFO(name << " of a process of type " << type);
            CHECK(shown[type].contains(name));
        }
    }
    CHECK(attributes == 107);
}

}  // namespace lb::test
