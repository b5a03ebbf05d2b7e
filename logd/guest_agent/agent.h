// The agent: connects to the channel of every guest it finds, logs what guests say, answers them.
// The invariant: what comes on a channel is logged for the machine whose channel it is, as
// VMSystem, and for nobody else.
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
#include "logd/agent/service.h"
#include "logd/guest_agent/channel.h"
#include "logd/guest_agent/options.h"
#include "logd/guest_agent/vsock_door.h"

namespace lb::guest_agent {

class Agent final : public agent::Agent {
  public:
    Agent(AgentOptions options, agent::Sink sink, metrics::Registry& registry);
    ~Agent() override;

    [[nodiscard]] nlohmann::ordered_json status() const override;
    [[nodiscard]] std::uint64_t logged() const { return logged_.value(); }
    [[nodiscard]] std::uint64_t refused() const { return refused_.value(); }
    // False when the loop has not come around for kStuckSeconds.
    [[nodiscard]] bool is_alive() const override;
    static constexpr std::int64_t kStuckSeconds = 30;

    // What becomes of one line of one machine's channel: the answer. Public for tests.
    std::string take(std::string_view key, std::string_view line);

  private:
    void run();
    void look_for_channels();
    void open_door();
    void let_in();
    void read_ready();

    const AgentOptions options_;
    const agent::Sink sink_;
    std::unique_ptr<VsockDoor> door_;                                // none without vsock
    std::map<std::string, std::unique_ptr<Channel>> open_channels_;  // by path, or vsock:CID
    // Of this second, by path: lines that may be taken, and connections of vsock that may come.
    std::map<std::string, std::uint64_t> lines_left_;
    std::map<std::string, std::uint64_t> connects_left_;
    RunningDomains domains_;
    metrics::Gauge& open_;
    metrics::Counter& logged_;
    metrics::Counter& refused_;
    metrics::Counter& held_back_;
    int wake_;  // eventfd: stop
    std::atomic<std::int64_t> turned_at_s_{0};
    std::thread thread_;
};

}  // namespace lb::guest_agent
