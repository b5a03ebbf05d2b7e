// What a claim means to the machine of grid jobs, one bit each (state-model 5.1).
#pragma once

#include <cstdint>

namespace lb::state::grid {

inline constexpr std::uint32_t kPlain = 0;
inline constexpr std::uint32_t kWeak = 1U << 0;      // counts for nothing once the job runs or ran
inline constexpr std::uint32_t kSched = 1U << 1;     // ... but says when it was scheduled
inline constexpr std::uint32_t kMatch = 1U << 2;     // text: destination
inline constexpr std::uint32_t kRun = 1U << 3;       // text: node
inline constexpr std::uint32_t kJdl = 1U << 4;       // text: job description after matching
inline constexpr std::uint32_t kNoBranch = 1U << 5;  // ... which is no part of the attempt
inline constexpr std::uint32_t kReally = 1U << 6;    // the payload runs: this attempt won
inline constexpr std::uint32_t kResub = 1U << 7;     // tried again
inline constexpr std::uint32_t kDeep = 1U << 8;      // all that was known of attempts is void
inline constexpr std::uint32_t kDone = 1U << 9;      // the job wrapper ended
inline constexpr std::uint32_t kFailed = 1U << 10;   // ... with a failure
inline constexpr std::uint32_t kWrapper = 1U << 11;  // the wrapper itself says that it ended
inline constexpr std::uint32_t kCancel = 1U << 12;   // outside the clock of attempts
inline constexpr std::uint32_t kAsked = 1U << 13;    // cancelling: asked for
inline constexpr std::uint32_t kSettled = 1U << 14;  // cancelling: done or given up
inline constexpr std::uint32_t kProxy = 1U << 15;    // the user's proxy is of no more use
inline constexpr std::uint32_t kForce = 1U << 16;    // never late
inline constexpr std::uint32_t kSuspend = 1U << 17;  // of a running job; text: reason
inline constexpr std::uint32_t kResume = 1U << 18;
inline constexpr std::uint32_t kReason = 1U
                                         << 19;    // text: reason, of the newest state; may be none
inline constexpr std::uint32_t kStill = 1U << 20;  // leaves its text, moves and updates nothing
inline constexpr std::uint32_t kRegister = 1U << 21;  // a second one is no news
inline constexpr std::uint32_t kWhyUser = 1U << 22;   // reasons that the row itself gives
inline constexpr std::uint32_t kWhyTimeout = 1U << 23;
inline constexpr std::uint32_t kWhyNoOutput = 1U << 24;
inline constexpr std::uint32_t kWrapperRuns = 1U << 25;  // what CREAM says of the wrapper
inline constexpr std::uint32_t kPayloadRuns = 1U << 26;

}  // namespace lb::state::grid
