// Histories of tests/fixtures/histories: lives of machines, one event a line (README.md there).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bkserver/cli/replay.h"

namespace lb::test {

// What a status must show: attribute -> text, "-" for absent.
using Expectation = std::map<std::string, std::string>;

struct HistoryLine {
    std::size_t number = 0;  // in the file
    char speaker = ' ';      // 'H' hook, 'A' agent, ' ' always
    cli::ReplayEvent event;
    Expectation after;
};

struct History {
    std::string name;
    std::string process;
    std::vector<HistoryLine> lines;
    std::map<std::string, Expectation> ends;  // "both", "hook", "agent"
    std::vector<event::Source> skewed;

    // The events of one variant: "both", "hook" or "agent".
    [[nodiscard]] std::vector<cli::ReplayEvent> events(const std::string& variant) const;
};

std::vector<History> read_histories(const std::string& directory);

// What differs from the expectation; empty if nothing does.
std::string difference(const Expectation& expected, const state::ProcessStatus& status);

// Folds the history and compares after each line that expects something; of each variant the end.
// What differs, empty if nothing does.
std::string check_steps(const History& history, state::Registry registry = state::machines());
std::string check_ends(const History& history, state::Registry registry = state::machines());

}  // namespace lb::test
