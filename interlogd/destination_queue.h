// The queue of one destination: a state machine between its two lanes and one connection. It sends
// what the spool has within the receiver's credit, keeps what is unsettled, and begins again at the
// first unsettled event when a connection is lost. It knows no sockets and no clock: time is handed
// to it, so tests play whole histories in an instant. README.md has its states.
#pragma once

#include <array>
#include <boost/container/deque.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "common/net/backoff.h"
#include "common/spool/doorbell.h"
#include "interlogd/dial_slots.h"
#include "interlogd/forward_metrics.h"
#include "interlogd/lane.h"
#include "interlogd/link.h"
#include "interlogd/options.h"
#include "lb/v1/wire.pb.h"

namespace lb::interlogd {

// What all queues share; all outlive them. In the forwarder's thread.
struct QueueContext {
    env::Env& env;
    LinkMaker& links;
    ForwardMetrics& metrics;
    DialSlots& dials;
    const std::string& host;
    const std::string& instance;  // 16 random bytes: this life of the daemon
    // How many bytes of events may still be read into memory.
    std::function<std::size_t()> memory_left;
    // An event of the synchronous lane has its verdict.
    std::function<void(spool::SettledEvent)> on_settled;
    // Keeps an event's bytes in quarantine, durable: where. An error: they are not kept.
    std::function<Result<std::string>(const std::string& name, const std::string& bytes,
                                      const std::string& reason)>
        set_aside;
};

class DestinationQueue final : public LinkListener {
  public:
    DestinationQueue(QueueContext& context, spool::Destination destination, QueueOptions options,
                     net::Backoff backoff);
    ~DestinationQueue() override;

    void add_lane(spool::Lane lane, std::unique_ptr<spool::LaneReader> reader);
    [[nodiscard]] bool has_lane(spool::Lane lane) const;
    // The lane could not be opened, read or written. It is tried again; the other goes on.
    void on_spool_failure(spool::Lane lane, const Error& error);

    // There may be something to read: now, and at each tick.
    void pump();
    // A few times a second: connects when it is time, sends keepalives. False: it would connect and
    // has to wait for its turn.
    bool tick();
    // Does not wait out the back-off.
    void retry_now();
    // Once a second.
    void tidy();
    // Reads nothing more; what is in flight may still be settled.
    void drain() { is_draining_ = true; }

    [[nodiscard]] bool is_idle() const { return in_flight_.empty(); }
    [[nodiscard]] bool is_connected() const { return state_ == State::kSending; }
    // Of all that is not settled, read or not: about how many bytes, and since when the oldest
    // waits (0: nothing does). Looks at the disk.
    [[nodiscard]] std::uint64_t pending_bytes();
    [[nodiscard]] std::int64_t pending_since_us();
    [[nodiscard]] std::size_t memory_bytes() const { return flight_bytes_ + waiting_bytes_; }
    [[nodiscard]] nlohmann::ordered_json to_json() const;

    void on_link_open() override;
    void on_link_frame(std::uint8_t type, std::string_view payload) override;
    void on_link_closed(const Error& why) override;

  private:
    enum class State : std::uint8_t { kIdle, kDialling, kGreeting, kSending, kBackingOff };
    static std::string_view to_string(State state);

    [[nodiscard]] bool is_connecting() const {
        return state_ == State::kDialling || state_ == State::kGreeting;
    }
    bool connect();
    void give_back_slot();
    void fail(const Error& why);
    void break_protocol(const std::string& what);
    void forget_flight();
    Status on_hello_reply(std::string_view payload);
    Status on_ack(std::string_view payload);
    void settle_next(const lb::v1::AckException* exception);
    void settle(const Parcel& parcel, lb::v1::Verdict verdict, const std::string& reason);
    void ask_again(Parcel parcel, const lb::v1::AckException& exception);
    [[nodiscard]] bool is_at_fault(const Parcel& parcel) const;
    bool set_aside(const Parcel& parcel, const std::string& reason);
    void fill();
    bool fill_from(spool::Lane lane);
    bool send_batch();
    [[nodiscard]] bool fits_credit(std::size_t events, std::size_t bytes) const;
    void send_keepalive();
    [[nodiscard]] std::size_t unsettled() const;
    [[nodiscard]] std::int64_t oldest_us() const;
    [[nodiscard]] Lane* lane_of(spool::Lane lane);

    QueueContext& context_;
    const spool::Destination destination_;
    const std::string name_;  // "host:port"
    const QueueOptions options_;
    net::Backoff backoff_;
    std::map<spool::Lane, Lane> lanes_;
    std::map<spool::Lane, std::uint64_t> lane_failed_at_us_;  // monotonic; read again later
    std::map<spool::Lane, std::string> spool_failures_;       // that last

    State state_ = State::kIdle;
    std::unique_ptr<Link> link_;
    std::uint64_t next_dial_us_ = 0;  // monotonic
    std::string last_failure_;
    std::optional<std::int64_t> clock_offset_us_;  // the server's less ours, at the last hello
    bool is_draining_ = false;

    // Of this connection.
    // Boost's deques take no memory while they are empty, and most destinations have nothing here.
    using Parcels = boost::container::deque<Parcel>;
    Parcels waiting_;    // to be sent: first those that go again, as they were read
    Parcels in_flight_;  // sent, in the order of their sequences
    std::size_t waiting_bytes_ = 0;
    std::size_t flight_bytes_ = 0;
    std::uint64_t settled_up_to_ = 0;  // sequence
    std::uint64_t credit_events_ = 0;
    std::uint64_t credit_bytes_ = 0;
    std::size_t batch_events_max_ = 0;
    std::size_t frame_bytes_max_ = 0;
    std::uint64_t keepalive_us_ = 0;
    std::uint64_t next_keepalive_us_ = 0;
    std::uint64_t settled_count_ = 0;  // since the start: whether others get through
};

}  // namespace lb::interlogd
