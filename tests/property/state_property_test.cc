// The order of arrival does not matter: promise 3, on random lives. LB_SEED repeats a run, LB_LIVES
// sets how many lives are lived.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "tests/property/state_lives.h"

namespace lb::test {
namespace {

unsigned number_of(const char* variable, unsigned otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

unsigned first_seed() {
    return number_of("LB_SEED", 1);
}
unsigned lives() {
    return number_of("LB_LIVES", 150);
}

constexpr const char* kProcess = "https://lb.example.org:9000/life";

LifeShape shape_of(unsigned seed) {
    switch (seed % 10) {
        case 0:
            return {.events = 700, .hosts = 90, .names = 400};  // over every bound
        case 1:
            return {.events = 200, .hosts = 2, .names = 300};
        case 2:
            return {.events = 8, .hosts = 2, .names = 2};
        default:
            return {.events = 20 + seed % 60, .hosts = 1 + seed % 4, .names = 5};
    }
}

std::string status_of(const state::Registers& registers) {
    return state::derive(registers, kProcess).to_text();
}

}  // namespace

TEST_CASE("registers and status are the same bytes in every order, with duplicates") {
    std::size_t events = 0;
    std::size_t orders = 0;
    for (unsigned seed = first_seed(); seed < first_seed() + lives(); ++seed) {
        std::vector<LifeEvent> life = random_life(seed, shape_of(seed));
        events += life.size();
        const state::Registers expected = fold(life);
        const std::string bytes = expected.encode();
        const std::string status = status_of(expected);
        std::mt19937 random(seed);
        const int shuffles = life.size() > 300 ? 2 : 6;
        for (int i = 0; i < shuffles; ++i, ++orders) {
            if (i > shuffles / 2) life.push_back(life[random() % life.size()]);
            std::shuffle(life.begin(), life.end(), random);
            const state::Registers folded = fold(life);
            INFO("LB_SEED=" << seed);
            REQUIRE(folded.encode() == bytes);
            REQUIRE(status_of(folded) == status);
        }
    }
    std::printf("%u lives from seed %u, %zu events, %zu orders: same registers, same status\n",
                lives(), first_seed(), events, orders);
}

TEST_CASE("halves folded apart and merged, either way and twice, equal the whole") {
    std::size_t merges = 0;
    for (unsigned seed = first_seed(); seed < first_seed() + lives(); ++seed) {
        const std::vector<LifeEvent> life = random_life(seed, shape_of(seed));
        const std::string expected = fold(life).encode();
        std::mt19937 random(seed);
        // Every part needs the type; a server knows it from its process row.
        std::vector<LifeEvent> parts[3];
        for (const LifeEvent& event : life) {
            parts[random() % 3].push_back(event);
            if (random() % 10 == 0) parts[random() % 3].push_back(event);
        }
        state::Registers folded[3];
        for (int i = 0; i < 3; ++i) {
            folded[i] = state::fresh(11);
            for (const LifeEvent& event : parts[i])
                state::apply(folded[i], event.event, event.arrival());
        }
        state::Registers left = folded[0];
        REQUIRE(state::merge(left, folded[1]));
        REQUIRE(state::merge(left, folded[2]));
        REQUIRE(state::merge(left, folded[1]));
        state::Registers right = folded[2];
        state::Registers inner = folded[1];
        REQUIRE(state::merge(inner, folded[0]));
        REQUIRE(state::merge(right, inner));
        INFO("LB_SEED=" << seed);
        REQUIRE(left.encode() == expected);
        REQUIRE(right.encode() == expected);
        merges += 2;
    }
    std::printf("%zu merges of three parts: the same bytes as the whole\n", merges);
}

TEST_CASE("registers through encode and decode go on as if they had stayed in memory") {
    for (unsigned seed = first_seed(); seed < first_seed() + lives() / 5; ++seed) {
        const std::vector<LifeEvent> life = random_life(seed, shape_of(seed));
        state::Registers registers = state::fresh(11);
        for (const LifeEvent& event : life) {
            state::apply(registers, event.event, event.arrival());
            const auto decoded = state::Registers::decode(registers.encode());
            REQUIRE(decoded.ok());
            registers = *decoded;
        }
        INFO("LB_SEED=" << seed);
        REQUIRE(registers.encode() == fold(life).encode());
    }
}

TEST_CASE("a long life stays small") {
    const std::vector<LifeEvent> life =
        random_life(first_seed(), {.events = 3000, .hosts = 3, .names = 20});
    const state::Registers registers = fold(life);
    CHECK(registers.track.size() < 1200);
    CHECK(registers.encode().size() < 128 * 1024);
}

}  // namespace lb::test
