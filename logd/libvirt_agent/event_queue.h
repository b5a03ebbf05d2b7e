// What libvirt's callbacks saw, on its way to the thread that logs it. Bounded: when it is full the
// rest is dropped and counted, and a new look at all domains has to make up for it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "logd/libvirt_agent/mapping.h"

namespace lb::libvirt_agent {

inline constexpr std::size_t kQueueMax = 65'536;

struct Happened {
    std::int64_t time_us = 0;  // of the callback: libvirt's events carry no time
    std::string uuid;
    std::string name;
    DomainEvent event;
};

// Thread-safe.
class EventQueue {
  public:
    void push(Happened happened) {
        {
            const std::lock_guard lock(mutex_);
            if (items_.size() >= kQueueMax) {
                ++lost_;
                return;
            }
            items_.push_back(std::move(happened));
        }
        arrived_.notify_one();
    }

    // The oldest; nothing when none came in time or wake() was called.
    std::optional<Happened> pop(std::chrono::milliseconds wait) {
        std::unique_lock lock(mutex_);
        arrived_.wait_for(lock, wait, [this] { return !items_.empty() || is_woken_; });
        is_woken_ = false;
        if (items_.empty()) return std::nullopt;
        Happened oldest = std::move(items_.front());
        items_.pop_front();
        return oldest;
    }

    void wake() {
        {
            const std::lock_guard lock(mutex_);
            is_woken_ = true;
        }
        arrived_.notify_one();
    }

    // How many were dropped since the last call.
    std::uint64_t take_lost() {
        const std::lock_guard lock(mutex_);
        return std::exchange(lost_, 0);
    }

    [[nodiscard]] std::size_t size() const {
        const std::lock_guard lock(mutex_);
        return items_.size();
    }

  private:
    mutable std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<Happened> items_;
    std::uint64_t lost_ = 0;
    bool is_woken_ = false;
};

}  // namespace lb::libvirt_agent
