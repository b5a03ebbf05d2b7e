// Bounds of what plain registers keep of a text; those of the track are in common/base/limits.h.
// Each holds for one claim alone, whatever stands beside it: so the order of arrival does not
// matter.
#pragma once

#include <cstddef>

#include "common/base/limits.h"

namespace lb::limits {

// Job descriptions, and the list of machines that may read a job, are kept as long as a field is.
inline constexpr std::size_t kClaimDocumentBytesMax = kFieldBytesMax;
// Any other text of which a register keeps one.
inline constexpr std::size_t kClaimTextBytesMax = 16 * 1024;
// Texts of which a register keeps one for each name (tags), and these names: the original kept 255
// and 200 bytes.
inline constexpr std::size_t kNamedTextBytesMax = 4096;
inline constexpr std::size_t kClaimNameBytesMax = 256;
// Ids and identities by which a register keeps its claims: the longest is a FQAN in an access list.
// A longer one claims nothing, for a part of it would be somebody else's.
inline constexpr std::size_t kClaimIdBytesMax = 4096 + 256;

}  // namespace lb::limits
