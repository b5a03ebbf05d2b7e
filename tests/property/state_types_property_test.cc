// Promise 3 for every process type: lives of random events of every kind, with sequence codes of
// the type's clock, in every order of arrival. LB_SEED repeats a run.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "bkserver/state/machine.h"
#include "common/event/event_id.h"
#include "common/event/seqcode.h"
#include "tests/property/state_lives.h"
#include "tests/support/random_event.h"

namespace lb::test {
namespace {

constexpr unsigned kLivesPerType = 25;
constexpr std::size_t kEventsPerLife = 80;
constexpr std::size_t kManyEvents = 1200;
constexpr int kOrders = 4;
constexpr std::int64_t kStart = 1'700'000'000'000'000;
constexpr const char* kProcess = "https://lb.example.org:9000/life";

unsigned first_seed() {
    const char* text = std::getenv("LB_SEED");
    return text == nullptr ? 1 : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

// Small counters, so that attempts meet; now and then a text that is no code.
std::string random_code(std::uint32_t type, std::mt19937& random) {
    const auto below = [&](std::uint32_t limit) {
        return static_cast<std::uint32_t>(random() % limit);
    };
    if (random() % 20 == 0) return "no code";
    switch (event::clock_family_of(static_cast<event::ProcessType>(type))) {
        case event::ClockFamily::kGrid: {
            event::GridCounters code{};
            code[0] = below(8) == 0 ? 2 : 1;
            code[2] = below(4);
            for (std::size_t i = 3; i < code.size(); ++i) code[i] = below(3);
            return event::to_string(code);
        }
        case event::ClockFamily::kPbs: {
            event::PbsCounters code{};
            for (auto& counter : code) counter = below(4);
            return event::to_string(code);
        }
        case event::ClockFamily::kCondor:
            return "TIMESTAMP=201201010000" + std::to_string(10 + below(9)) +
                   ":POS=" + std::to_string(below(9)) +
                   ":EV.CODE=000:SRC=" + std::string("LMmNCHsSj").substr(below(9), 1);
        case event::ClockFamily::kNone:
            return {};
    }
    return {};
}

LifeEvent wrap(event::Event event, std::size_t number) {
    LifeEvent life;
    life.event = std::move(event);
    life.event_id = event::event_id_of_text("event " + std::to_string(number));
    return life;
}

std::vector<LifeEvent> random_life(const state::Machine& machine, std::mt19937& random) {
    std::vector<LifeEvent> life;
    event::Event registration;
    registration.type = static_cast<std::uint16_t>(event::EventType::kRegJob);
    registration.time_us = kStart;
    registration.source = event::Source::kUserInterface;
    registration.set_text("jobtype", std::string(machine.word));
    life.push_back(wrap(registration, 0));
    for (std::size_t i = 1; i < kEventsPerLife; ++i) {
        const auto types = event::types();
        const event::TypeInfo* type = &types[random() % types.size()];
        // Half of them of a type that this machine moves by.
        if (random() % 2 == 0) {
            const auto& row = machine.track[random() % machine.track.size()];
            type = event::find_type(static_cast<std::uint16_t>(row.event));
        }
        event::Event event = random_event(*type, random, random() % 2 == 0);
        if (type->code == static_cast<std::uint16_t>(event::EventType::kRegJob))
            event.set_text("jobtype", std::string(machine.word));
        event.time_us = kStart + static_cast<std::int64_t>(random() % 60) * 1'000'000;
        event.sequence_code = random_code(machine.type, random);
        life.push_back(wrap(std::move(event), i));
    }
    return life;
}

std::string status_of(const state::Registers& registers) {
    return state::derive(registers, kProcess).to_text();
}

// A grid job's life over every bound of attempts: more of them than are kept, and some in which the
// same is told again and again.
std::vector<LifeEvent> life_of_attempts(const state::Machine& machine, std::mt19937& random) {
    std::vector<LifeEvent> life = random_life(machine, random);
    constexpr event::EventType kTold[] = {event::EventType::kMatch, event::EventType::kRunning,
                                          event::EventType::kDone};
    for (std::size_t i = 0; i < kManyEvents; ++i) {
        const auto type = static_cast<std::uint16_t>(kTold[random() % std::size(kTold)]);
        event::Event event = random_event(*event::find_type(type), random, false);
        event.source = event::Source::kLogMonitor;
        if (type == static_cast<std::uint16_t>(event::EventType::kDone))
            event.set_text("status_code", "FAILED");
        event.time_us = kStart + static_cast<std::int64_t>(random() % 600) * 1'000'000;
        event::GridCounters code{1};
        const bool is_told_again = random() % 4 == 0;
        code[2] = static_cast<std::uint32_t>(is_told_again ? 7 + random() % 2 : random() % 500);
        code[5] = static_cast<std::uint32_t>(random() % 100);
        event.sequence_code = event::to_string(code);
        life.push_back(wrap(std::move(event), kEventsPerLife + i));
    }
    return life;
}

void live(std::vector<LifeEvent> life, std::mt19937& random) {
    const state::Registers expected = fold(life);
    const std::string status = status_of(expected);
    for (int i = 0; i < kOrders; ++i) {
        life.push_back(life[random() % life.size()]);
        std::shuffle(life.begin(), life.end(), random);
        const state::Registers folded = fold(life);
        REQUIRE(folded.encode() == expected.encode());
        REQUIRE(status_of(folded) == status);
    }
    state::Registers halves[2] = {state::fresh(0), state::fresh(0)};
    for (auto& half : halves) {
        std::vector<LifeEvent> some;
        for (const LifeEvent& event : life)
            if (random() % 2 == 0 || event.event_id == life.front().event_id ||
                event.event.type == static_cast<std::uint16_t>(event::EventType::kRegJob))
                some.push_back(event);
        half = fold(some);
    }
    state::Registers whole = halves[1];
    REQUIRE(state::merge(whole, halves[0]));
    REQUIRE(state::merge(whole, expected));
    REQUIRE(whole.encode() == expected.encode());
}

}  // namespace

TEST_CASE("every type's registers and status are the same bytes in every order, merged or not") {
    unsigned lives = 0;
    for (const state::Machine* machine : state::machines()) {
        for (unsigned seed = first_seed(); seed < first_seed() + kLivesPerType; ++seed, ++lives) {
            INFO(machine->word << " LB_SEED=" << seed);
            std::mt19937 random(seed);
            live(random_life(*machine, random), random);
        }
    }
    std::printf("%u lives of %zu events of all types, %d orders each: same bytes\n", lives,
                kEventsPerLife, kOrders);
}

TEST_CASE("a job of more attempts than are kept is the same bytes in every order, merged or not") {
    const state::Machine& machine = *state::find_machine(state::machines(), 1);
    for (unsigned seed = first_seed(); seed < first_seed() + 2; ++seed) {
        INFO("LB_SEED=" << seed);
        std::mt19937 random(seed);
        const std::vector<LifeEvent> life = life_of_attempts(machine, random);
        CHECK(fold(life).track_truncated);
        live(life, random);
    }
}

}  // namespace lb::test
