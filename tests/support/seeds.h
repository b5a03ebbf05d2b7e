// The seeds of a random test: LB_SEED=n replays that one, LB_SEEDS=n runs 1 to n, else the count
// that the test names.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

namespace lb::test {

inline std::vector<std::uint64_t> seeds(std::uint64_t count) {
    if (const char* const one = std::getenv("LB_SEED")) return {std::stoull(one)};
    if (const char* const many = std::getenv("LB_SEEDS")) count = std::stoull(many);
    std::vector<std::uint64_t> all(count);
    std::iota(all.begin(), all.end(), 1);
    return all;
}

}  // namespace lb::test
