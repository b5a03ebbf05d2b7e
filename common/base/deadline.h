// Until when several calls that wait must be done, all together.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace lb {

struct Deadline {
    using Clock = std::chrono::steady_clock;

    explicit Deadline(std::chrono::milliseconds timeout) : at(Clock::now() + timeout) {}

    // As poll() takes it; 0 when it has passed.
    [[nodiscard]] int left_ms() const {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(at - Clock::now()).count();
        return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000'000));
    }

    Clock::time_point at;
};

}  // namespace lb
