// Bounds of who somebody is: beside limits.h, for those who take identities in and keep them.
#pragma once

#include <cstddef>

namespace lb::limits {

// Who logged an event or owns a process, with the kind in front (event::identity_text): as long as
// the store keeps texts. What is longer is refused.
inline constexpr std::size_t kIdentityBytesMax = 1024;
// The subject of a certificate, which becomes such an identity.
inline constexpr std::size_t kSubjectNameBytesMax = 1000;

// Groups of an identity that an acceptance keeps: so much text.
inline constexpr std::size_t kGroupsBytesMax = 4096;

}  // namespace lb::limits
