// Bounds of the track of grid jobs; those of all tracks are in common/base/limits.h.
#pragma once

#include <cstddef>

namespace lb::limits {

// The newest attempts of a job: of older ones the first and the newest claim of each kind stay.
inline constexpr std::size_t kTrackAttemptsMax = 256;
// Failed ends that stay of each attempt: each is a line of failure_reasons.
inline constexpr std::size_t kTrackFailuresPerGroup = 32;

}  // namespace lb::limits
