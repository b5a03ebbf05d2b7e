// The forwarder: all queues, in one thread. It finds the lanes of the spool, at the start, when
// lb-logd rings and now and then by itself, and gives each queue its turn.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "common/net/loop.h"
#include "common/spool/doorbell.h"
#include "common/spool/quarantine.h"
#include "interlogd/destination_queue.h"

namespace lb::interlogd {

class Forwarder {
  public:
    // `loop` and `links` outlive it. Finds the lanes that are there.
    static Result<std::unique_ptr<Forwarder>> create(env::Env& env, net::Loop& loop,
                                                     LinkMaker& links, ForwarderOptions options,
                                                     metrics::Registry& registry);
    ~Forwarder();
    Forwarder(const Forwarder&) = delete;
    Forwarder& operator=(const Forwarder&) = delete;

    // In the loop's thread, all of these.
    void begin();
    // Stops reading; says whether nothing is in flight any more.
    bool drain();
    // Connections go; what is settled is durable in the ledgers.
    void end();
    // Destination "host:port", or all when it is empty. kNotFound when there is none of that name.
    Status retry(std::string_view destination);
    [[nodiscard]] nlohmann::ordered_json to_json() const;

    // Any thread: when the loop last came around, monotonic.
    [[nodiscard]] std::uint64_t ticked_at_us() const { return ticked_at_us_; }

  private:
    // What a look at the spool has found so far.
    struct Measure {
        spool::Destination next;
        std::uint64_t bytes = 0;
        std::int64_t since_us = 0;
    };

    Forwarder(env::Env& env, net::Loop& loop, LinkMaker& links, ForwarderOptions options,
              metrics::Registry& registry, std::unique_ptr<spool::Doorbell> doorbell);

    void tick();
    void tick_queues();
    void take_rings();
    void find_lanes();
    void measure_spool();
    DestinationQueue* open_lane(const spool::LaneId& id);
    void on_damage(const spool::LaneId& id, const spool::Damage& damage, const std::string& kept);
    [[nodiscard]] std::size_t memory_bytes() const;
    void send_settled();

    env::Env& env_;
    net::Loop& loop_;
    const ForwarderOptions options_;
    ForwardMetrics metrics_;
    std::unique_ptr<spool::Doorbell> doorbell_;
    spool::Quarantine quarantine_;
    std::string host_;
    std::string instance_;
    DialSlots dials_;
    std::mt19937_64 random_;  // of the back-offs
    QueueContext context_;
    std::map<spool::Destination, std::unique_ptr<DestinationQueue>> queues_;
    std::vector<spool::SettledEvent> settled_;  // not yet told to lb-logd
    bool will_send_settled_ = false;
    spool::Destination first_;  // the one whose turn to connect comes first
    std::optional<Measure> measure_;
    std::uint64_t ticks_ = 0;
    std::atomic<std::uint64_t> ticked_at_us_ = 0;
    bool is_ending_ = false;
};

}  // namespace lb::interlogd
