// How long to wait before trying again: full jitter under a cap that doubles. The invariant: a
// thousand clients of a server that comes back are spread over the whole interval.
#pragma once

#include <cstdint>
#include <functional>

#include "common/net/loop.h"

namespace lb::net {

class Backoff {
  public:
    // `random` returns evenly distributed 64-bit numbers.
    Backoff(Milliseconds first, Milliseconds greatest, std::function<std::uint64_t()> random)
        : first_(first), greatest_(greatest), random_(std::move(random)) {}

    // The wait before the next try: even between 0 and the cap, which doubles each time.
    Milliseconds next();
    // After a success.
    void reset() { failures_ = 0; }

  private:
    Milliseconds first_;
    Milliseconds greatest_;
    std::function<std::uint64_t()> random_;
    unsigned failures_ = 0;
};

}  // namespace lb::net
