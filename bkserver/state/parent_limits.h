// Bounds of what has children: beside common/base/limits.h, for the rooms of the server alone.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lb::limits {

// Children that one registration plans; more of them are refused.
inline constexpr std::uint32_t kChildrenPlannedMax = 100'000;
// Failed members that the status of a cluster names.
inline constexpr std::size_t kFailedMembersShownMax = 256;
// Parents above each other: news of a child climb so far, and a reader looks down so far.
inline constexpr std::uint32_t kParentLevelsMax = 16;

}  // namespace lb::limits
