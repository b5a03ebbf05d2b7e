// What a process hands up to the parents that count it: the steps of its course, reduced to what a
// parent looks at. Stored beside the relation, so the numbers never change.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace lb::state {

// A job as a collection counts it.
enum class Standing : std::uint8_t {
    kRest = 0,  // all else: not begun, between attempts, done with a failure
    kRunning = 1,
    kDone = 2,  // well
    kAborted = 3,
    kCleared = 4,
    kCancelled = 5,
};
inline constexpr std::size_t kStandings = 6;

// A machine as a cluster counts it: its vm_state.
enum class VmWord : std::uint8_t {
    kNone = 0,  // no machine
    kPending = 1,
    kBoot = 2,
    kRunning = 3,
    kReallyRunning = 4,
    kShutdown = 5,
    kStopped = 6,
    kFailure = 7,
    kDone = 8,
    kForming = 9,    // clusters only
    kDegraded = 10,  // clusters only
};
inline constexpr std::size_t kVmWords = 11;

std::string_view to_string(VmWord word);       // "really-running"; empty for kNone
VmWord vm_word_of(std::string_view vm_state);  // kNone for words that are none

// From this time on it stood so. Before its first step a process is {kRest, kNone}.
struct Step {
    std::int64_t time_us = 0;
    Standing standing = Standing::kRest;
    VmWord vm_word = VmWord::kNone;

    [[nodiscard]] bool stands_like(const Step& other) const {
        return standing == other.standing && vm_word == other.vm_word;
    }
    bool operator==(const Step&) const = default;
};

// lb.v1.Steps: equal steps give equal bytes; no steps give none.
std::string encode_steps(std::span<const Step> steps);
Result<std::vector<Step>> decode_steps(std::string_view bytes);

}  // namespace lb::state
