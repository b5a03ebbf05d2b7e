#include "common/net/backoff.h"

#include <algorithm>

namespace lb::net {

Milliseconds Backoff::next() {
    constexpr unsigned kDoublingsMax = 20;  // a cap of the cap, so that nothing overflows
    const auto doubled = first_ * (std::int64_t{1} << std::min(failures_, kDoublingsMax));
    const auto cap = std::max(std::min(doubled, greatest_), Milliseconds(1));
    ++failures_;
    return Milliseconds(
        static_cast<std::int64_t>(random_() % (static_cast<std::uint64_t>(cap.count()) + 1)));
}

}  // namespace lb::net
