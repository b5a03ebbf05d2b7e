// How many in the last hour: for people who ask a daemon whether anything happens. Counted by the
// minute, so the hour is up to a minute short.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>

namespace lb::metrics {

// Thread-safe.
class HourCount {
  public:
    using Clock = std::chrono::steady_clock;

    void add(std::uint64_t count, Clock::time_point now = Clock::now()) {
        const std::lock_guard lock(mutex_);
        Minute& minute = minutes_[static_cast<std::size_t>(minute_of(now)) % kMinutes];
        if (minute.number != minute_of(now)) minute = {minute_of(now), 0};
        minute.count += count;
    }

    [[nodiscard]] std::uint64_t value(Clock::time_point now = Clock::now()) const {
        const std::lock_guard lock(mutex_);
        std::uint64_t sum = 0;
        for (const Minute& minute : minutes_)
            if (minute.number > minute_of(now) - kMinutes) sum += minute.count;
        return sum;
    }

  private:
    static constexpr std::int64_t kMinutes = 60;
    struct Minute {
        std::int64_t number = -kMinutes;
        std::uint64_t count = 0;
    };
    static std::int64_t minute_of(Clock::time_point time) {
        return std::chrono::duration_cast<std::chrono::minutes>(time.time_since_epoch()).count();
    }

    mutable std::mutex mutex_;
    std::array<Minute, kMinutes> minutes_{};
};

}  // namespace lb::metrics
