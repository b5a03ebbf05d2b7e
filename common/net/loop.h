// An event loop: one thread that serves connections, listeners and timers. The invariant: callbacks
// of everything that belongs to a loop run in its thread, one after the other, so what they touch
// needs no locks.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace lb::net {

using Milliseconds = std::chrono::milliseconds;

class Loop {
  public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Serves until stop(). The calling thread becomes the loop's.
    void run();
    // Any thread. What was posted before is still done.
    void stop();
    // Any thread. Done soon, in the loop's thread.
    void post(std::function<void()> task);
    // True in the thread that runs the loop.
    [[nodiscard]] bool is_loop_thread() const;

    // Calls `task` in the loop's thread after `delay`. Any thread.
    using TimerId = std::uint64_t;
    TimerId call_after(Milliseconds delay, std::function<void()> task);
    // In the loop's thread: the task will not be called any more.
    void cancel(TimerId timer);

    // Calls `is_readable` whenever `descriptor` has something to read, until the loop ends. The
    // descriptor stays the caller's and outlives the loop. `is_readable` reads it empty.
    void watch(int descriptor, std::function<void()> is_readable);

    struct Implementation;  // Asio, for the other files of this folder
    Implementation& implementation() { return *implementation_; }

  private:
    std::unique_ptr<Implementation> implementation_;
};

}  // namespace lb::net
