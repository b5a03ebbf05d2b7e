// The agent: connects to libvirt, looks at all domains, logs what happens to them, and connects
// again when libvirtd went away. The invariant: between two looks every event is logged in its
// order, and whatever may have been missed is followed by a look.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "common/base/result.h"
#include "common/event/event.h"
#include "common/metrics/metrics.h"
#include "common/net/backoff.h"
#include "logd/agent/event_log.h"
#include "logd/agent/service.h"
#include "logd/libvirt_agent/connection.h"
#include "logd/libvirt_agent/event_loop.h"
#include "logd/libvirt_agent/options.h"

namespace lb::libvirt_agent {

class Agent final : public agent::Agent {
  public:
    Agent(std::unique_ptr<EventLoop> loop, AgentOptions options, agent::Sink sink,
          metrics::Registry& registry);
    ~Agent() override;

    [[nodiscard]] nlohmann::ordered_json status() const override;
    [[nodiscard]] bool is_alive() const override { return loop_->is_turning(); }
    [[nodiscard]] bool is_connected() const { return is_connected_; }
    [[nodiscard]] std::uint64_t failed() const { return log_.failed(); }

  private:
    void run();
    Status serve(Connection& connection, net::Backoff& backoff);
    Status look_around(Connection& connection);
    void take(Connection& connection, const Happened& happened);
    void log_of(const std::string& subject, const std::string& name, std::int64_t time_us,
                event::Event event);
    void beat();
    const std::string& subject_of(Connection& connection, const std::string& uuid);
    bool is_repeated_reboot(const Happened& happened);

    const std::unique_ptr<EventLoop> loop_;
    const AgentOptions options_;
    agent::EventLog log_;
    std::shared_ptr<EventQueue> queue_ = std::make_shared<EventQueue>();
    std::map<std::string, std::string> subjects_;         // by UUID
    std::map<std::string, std::int64_t> rebooted_at_us_;  // by UUID
    std::int64_t beat_at_us_ = 0;
    bool is_host_known_ = false;  // this host has been logged as a process in this life of ours

    metrics::Counter& looks_;
    metrics::Counter& connects_;
    std::atomic<bool> is_connected_{false};
    std::stop_source stop_;
    std::thread thread_;
};

}  // namespace lb::libvirt_agent
