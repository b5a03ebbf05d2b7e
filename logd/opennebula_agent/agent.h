// The agent of an OpenNebula front end: logs what OpenNebula's stream of events tells, and whenever
// something may have been missed asks OpenNebula itself: at the start, after every connection, when
// a change does not follow from the one before it, and from time to time. What it finds so is
// logged as a look. The invariant: after a look that succeeded, the bookkeeping knows of every
// machine what OpenNebula has, however many messages were lost or came in whatever order.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "common/env/env.h"
#include "common/metrics/metrics.h"
#include "common/net/backoff.h"
#include "logd/agent/event_log.h"
#include "logd/agent/service.h"
#include "logd/opennebula/reports.h"
#include "logd/opennebula_agent/cloud.h"
#include "logd/opennebula_agent/known_machines.h"
#include "logd/opennebula_agent/options.h"
#include "logd/opennebula_agent/subscriber.h"

namespace lb::opennebula_agent {

class Agent final : public agent::Agent {
  public:
    // What it works with. `stop` ends the transport's calls.
    struct Parts {
        std::unique_ptr<Subscriber> subscriber;
        Cloud cloud;
        std::unique_ptr<KnownMachines> machines;
        std::stop_source stop;
    };
    Agent(AgentOptions options, Parts parts, agent::Sink sink, metrics::Registry& registry);
    ~Agent() override;

    [[nodiscard]] nlohmann::ordered_json status() const override;

  private:
    using Clock = std::chrono::steady_clock;

    void run();
    void watch_connection();
    void take(const Message& message);
    void see(const opennebula::VmDocument& vm);
    [[nodiscard]] bool follows(const opennebula::VmDocument& vm) const;
    void suspect(int id);
    void look_at_suspects();

    void plan_resync(std::chrono::milliseconds wait, bool is_full);
    void resync();
    Status look_at_vms();
    Status look_at_missing(KnownMachines::Map& found);
    Status look_at_hosts();
    Status look_at(int id);
    void look(const opennebula::VmDocument& vm, std::int64_t seen_us);
    void keep(int id, const Seen& seen);

    template <typename Document>
    void log_reports(const Document& document, std::int64_t seen_us, bool is_look);

    const AgentOptions options_;
    const std::unique_ptr<Subscriber> subscriber_;
    Cloud cloud_;
    const std::unique_ptr<KnownMachines> machines_;
    std::stop_source stop_;
    agent::EventLog log_;
    net::Backoff backoff_;
    std::map<int, int> host_states_;             // by host number
    std::map<int, Clock::time_point> suspects_;  // machines to look at, and when
    std::uint64_t connects_seen_ = 0;
    Clock::time_point resync_at_;
    bool is_full_due_ = true;  // the next look confirms what has not changed, too

    metrics::Counter& messages_;
    metrics::Counter& not_understood_;
    metrics::Counter& looks_;
    metrics::Counter& resyncs_;
    metrics::Counter& failed_resyncs_;
    metrics::Gauge& known_;
    std::atomic<bool> is_connected_{false};
    std::atomic<std::int64_t> synchronized_at_us_{0};
    std::thread thread_;
};

}  // namespace lb::opennebula_agent
