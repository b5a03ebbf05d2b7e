// The origin: one life of this daemon, and the counter of the events that it accepted. The
// invariant: no origin gives out a counter twice; a new life is a new origin, so nothing need be
// kept.
#pragma once

#include <cstdint>
#include <string>

#include "common/env/env.h"

namespace lb::logd {

inline constexpr std::size_t kOriginIdBytes = 16;

// One thread at a time.
class Origin {
  public:
    explicit Origin(env::Env& env) : id_(kOriginIdBytes, '\0') { env.fill_random(id_); }

    [[nodiscard]] const std::string& id() const { return id_; }
    // Counts from 1.
    std::uint64_t next_counter() { return ++counter_; }

  private:
    std::string id_;
    std::uint64_t counter_ = 0;
};

}  // namespace lb::logd
