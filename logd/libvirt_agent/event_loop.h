// libvirt's event loop on a thread of its own. libvirt has one per process, made before the first
// connection and never unmade; its callbacks run in this thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "common/base/result.h"

namespace lb::libvirt_agent {

class EventLoop {
  public:
    static Result<std::unique_ptr<EventLoop>> start();
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    // False when it has not come around for kStuckSeconds.
    [[nodiscard]] bool is_turning() const;
    static constexpr int kStuckSeconds = 20;

  private:
    EventLoop() = default;

    std::atomic<bool> is_stopping_{false};
    std::atomic<std::int64_t> turned_at_s_{0};  // steady clock
    int timer_ = -1;                            // wakes the loop regularly
    std::thread thread_;
};

}  // namespace lb::libvirt_agent
