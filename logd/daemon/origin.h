// The origin: this daemon's instance id and the counter of the events it accepted, kept in the
// state directory. The invariant: no counter value is given out twice, whatever is killed: values
// are reserved in blocks, durable before the first of a block is used; the rest of a block is
// skipped after a restart.
#pragma once

#include <cstdint>
#include <string>

#include "common/env/env.h"

namespace lb::logd {

inline constexpr std::size_t kOriginIdBytes = 16;
inline constexpr std::uint64_t kCounterBlock = 1 << 20;

// One thread at a time.
class Origin {
  public:
    // Makes a new origin when there is none, or when its file does not check: a new id is always
    // safe.
    static Result<Origin> open(env::Env& env, const std::string& state_directory);

    [[nodiscard]] const std::string& id() const { return id_; }
    // Counts from 1. Fails when a new block is needed and cannot be made durable.
    Result<std::uint64_t> next_counter();

  private:
    Origin(env::Env& env, std::string path) : env_(&env), path_(std::move(path)) {}
    Status reserve();

    env::Env* env_;
    std::string path_;
    std::string id_;
    std::uint64_t next_ = 1;
    std::uint64_t reserved_end_ = 1;  // first value that is not reserved
};

}  // namespace lb::logd
