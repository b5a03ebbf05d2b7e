#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "tests/unit/bkserver_state/case_check.h"
#include "tests/unit/bkserver_state/history.h"

namespace lb::test {
namespace {

constexpr int kShuffles = 25;
constexpr unsigned kSeed = 20261123;

std::vector<History> histories() {
    const char* dir = std::getenv("LB_SOURCE_DIR");
    return read_histories(std::string(dir == nullptr ? "." : dir) + "/tests/fixtures/histories");
}

state::ProcessStatus fold(const std::vector<cli::ReplayEvent>& events, const std::string& process) {
    cli::Replay replay;
    for (const cli::ReplayEvent& event : events) replay.add(event);
    return replay.status(process);
}

void skew(std::vector<cli::ReplayEvent>& events, event::Source source, std::int64_t by_us) {
    for (cli::ReplayEvent& event : events)
        if (event.event.source == source &&
            event.event.type != static_cast<std::uint16_t>(event::EventType::kRegJob))
            event.event.time_us += by_us;
}

}  // namespace

TEST_CASE("histories show the right state after each event") {
    for (const History& history : histories()) {
        INFO(history.name);
        CHECK(check_steps(history) == "");
    }
}

TEST_CASE("histories end right whoever of hook and agent speaks") {
    for (const History& history : histories()) {
        INFO(history.name);
        REQUIRE_FALSE(history.ends.empty());
        CHECK(check_ends(history) == "");
    }
}

TEST_CASE("histories end the same in every order of arrival") {
    std::mt19937 random(kSeed);
    int folds = 0;
    for (const History& history : histories()) {
        for (const auto& [variant, expected] : history.ends) {
            std::vector<cli::ReplayEvent> events = history.events(variant);
            const std::string wanted = final_text(events);
            for (int i = 0; i < kShuffles; ++i, ++folds) {
                std::shuffle(events.begin(), events.end(), random);
                INFO(history.name << " " << variant << " seed " << kSeed);
                CHECK(final_text(events) == wanted);
            }
        }
    }
    std::printf("histories folded in %d orders, seed %u\n", folds, kSeed);
}

TEST_CASE("histories end right with clocks off by up to the skew") {
    for (const History& history : histories()) {
        for (const event::Source source : history.skewed) {
            for (const std::int64_t by_us : {-4'900'000, -2'000'000, 2'000'000, 4'900'000}) {
                std::vector<cli::ReplayEvent> events = history.events("both");
                skew(events, source, by_us);
                INFO(history.name << " skewed by " << by_us);
                CHECK(difference(history.ends.at("both"), fold(events, history.process)) == "");
            }
        }
    }
}

}  // namespace lb::test
