// A case (tests/fixtures/cases): events in order of arrival and the state they must lead to.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bkserver/cli/replay.h"

namespace lb::test {

struct Case {
    std::string name;
    nlohmann::json document;
    cli::ReplayInput input;
    cli::Roles roles;
};

// Every case of the directory, by name.
std::vector<Case> read_cases(const std::string& directory);

// "vm" of "vm-stop-resume".
std::string family_of(const Case& one);

struct CaseResult {
    std::vector<std::string>
        states;  // what differs in state, vm_state, cream_state, done_code, relations
    std::vector<std::string> attributes;  // what differs in the listed attributes
    [[nodiscard]] bool ok() const { return states.empty() && attributes.empty(); }
    [[nodiscard]] std::string text() const;
};

// Folds the events as given and compares after each index that the case expects something of, and
// at the end. `intent` goes before what the original did.
CaseResult check_case(const Case& one, state::Registry registry = state::machines());

// The statuses of all processes after the events in this order, as one text.
std::string final_text(const std::vector<cli::ReplayEvent>& events);

}  // namespace lb::test
