#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "tests/unit/bkserver_state/case_check.h"

namespace lb::test {
namespace {

std::string source_dir() {
    const char* dir = std::getenv("LB_SOURCE_DIR");
    return dir == nullptr ? "." : dir;
}

// The case as a life of another type; nothing if not all its processes are of the first one.
std::optional<Case> told_of(Case one, std::string_view type, std::string_view other) {
    for (cli::ReplayEvent& event : one.input.events) {
        if (event.event.type != static_cast<std::uint16_t>(event::EventType::kRegJob)) continue;
        const std::string_view children = event.event.text("nsubjobs");
        if (event.event.text("jobtype") != type || (!children.empty() && children != "0"))
            return {};
        event.event.set_text("jobtype", std::string(other));
    }
    return one;
}

struct Tally {
    int cases = 0, states = 0, attributes = 0;
};

void check_all(const std::vector<Case>& cases) {
    std::map<std::string, Tally> tallies;
    for (const Case& one : cases) {
        const CaseResult result = check_case(one);
        Tally& tally = tallies[family_of(one)];
        ++tally.cases;
        tally.states += result.states.empty() ? 1 : 0;
        tally.attributes += result.ok() ? 1 : 0;
        INFO(one.name << '\n' << result.text());
        CHECK(result.ok());
    }
    for (const auto& [family, tally] : tallies)
        std::printf("cases %-8s %3d, states right %3d, attributes too %3d\n", family.c_str(),
                    tally.cases, tally.states, tally.attributes);
}

}  // namespace

TEST_CASE("the cases of the fixtures come out as expected") {
    check_all(read_cases(source_dir() + "/tests/fixtures/cases"));
}

// Written by hand for what the cases leave open; of all families that have their tables.
TEST_CASE("the traces come out as expected, in every order of arrival") {
    std::mt19937 random(20261125);
    for (const Case& one : read_cases(source_dir() + "/tests/fixtures/traces")) {
        INFO(one.name);
        const CaseResult result = check_case(one);
        CHECK(result.text() == "");
        const std::string expected = final_text(one.input.events);
        std::vector<cli::ReplayEvent> events = one.input.events;
        for (int i = 0; i < 20; ++i) {
            std::shuffle(events.begin(), events.end(), random);
            CHECK(final_text(events) == expected);
        }
    }
}

// They have the tables of jobs and of transfers.
TEST_CASE("DAGs and collections without children do what is written down of their like") {
    constexpr std::pair<std::string_view, std::string_view> kAlike[] = {
        {"SIMPLE", "DAG"}, {"SIMPLE", "COLLECTION"}, {"FILE_TRANSFER", "FILE_TRANSFER_COLLECTION"}};
    std::map<std::string_view, int> told;
    for (const char* directory : {"cases", "traces"})
        for (const Case& one : read_cases(source_dir() + "/tests/fixtures/" + directory))
            for (const auto& [type, alike] : kAlike)
                if (const auto other = told_of(one, type, alike)) {
                    INFO(one.name << " as " << alike);
                    CHECK(check_case(*other).text() == "");
                    ++told[alike];
                }
    for (const auto& [type, alike] : kAlike) CHECK(told[alike] > 0);
}

// Recorded lives of others, not ours to publish: read from beside the checkout where they are.
TEST_CASE("the recorded cases beside the checkout come out as expected") {
    const std::string directory = source_dir() + "/../shared/cases";
    std::vector<Case> recorded;
    if (std::filesystem::is_directory(directory))
        for (Case& one : read_cases(directory))
            if (family_of(one) == "replay") recorded.push_back(std::move(one));
    if (recorded.empty()) {
        std::printf("skipped: no recorded cases in %s\n", directory.c_str());
        return;
    }
    check_all(recorded);
}

}  // namespace lb::test
