// The agent: connects to libvirt, looks at all domains, logs what happens to them, and connects
// again when libvirtd went away. The invariant: between two looks every event is logged in its
// order, and whatever may have been missed is followed by a look.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "common/base/result.h"
#include "common/event/event.h"
#include "common/metrics/metrics.h"
#include "logd/libvirt_agent/connection.h"
#include "logd/libvirt_agent/options.h"

namespace lb::libvirt_agent {

// Logs an event for a subject; the error's code says whether trying again may help.
using Sink = std::function<Status(std::string_view subject, const event::Event& event)>;

class Agent {
  public:
    Agent(AgentOptions options, Sink sink, metrics::Registry& registry);
    ~Agent();
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;

    [[nodiscard]] bool is_connected() const { return is_connected_; }
    [[nodiscard]] std::uint64_t logged() const { return logged_.value(); }
    [[nodiscard]] std::uint64_t looks() const { return looks_.value(); }
    [[nodiscard]] std::uint64_t failed() const { return refused_.value() + lost_.value(); }
    [[nodiscard]] std::size_t queued() const { return queue_->size(); }

  private:
    void run();
    void serve(Connection& connection);
    void look_around(Connection& connection);
    void take(Connection& connection, const Happened& happened);
    void log(std::string_view subject, const event::Event& event);
    void log_of(const std::string& subject, const std::string& name, std::int64_t time_us,
                event::Event event);
    void beat();
    const std::string& subject_of(Connection& connection, const std::string& uuid);
    bool is_repeated_reboot(const Happened& happened);
    // True when the agent is to stop.
    bool pause(std::chrono::milliseconds time);

    const AgentOptions options_;
    const Sink sink_;
    std::shared_ptr<EventQueue> queue_ = std::make_shared<EventQueue>();
    std::map<std::string, std::string> subjects_;         // by UUID
    std::map<std::string, std::int64_t> rebooted_at_us_;  // by UUID
    std::int64_t beat_at_us_ = 0;
    bool is_host_known_ = false;  // this host has been logged as a process in this life of ours

    metrics::Counter& logged_;
    metrics::Counter& looks_;
    metrics::Counter& refused_;
    metrics::Counter& lost_;
    metrics::Counter& connects_;
    std::atomic<bool> is_connected_{false};
    std::atomic<bool> is_stopping_{false};
    std::mutex mutex_;
    std::condition_variable stopping_;
    std::thread thread_;
};

}  // namespace lb::libvirt_agent
