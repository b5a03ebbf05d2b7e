// How much memory this process uses.
#pragma once

#include <malloc.h>

#include <cstddef>

namespace lb::test {

// What was allocated and not given back, as glibc counts it; 0: another allocator, a sanitizer's,
// which does not tell.
inline std::size_t used_bytes() {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

}  // namespace lb::test
