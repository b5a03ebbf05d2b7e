// The server's side of one connection that brings events: HELLO, BATCH, LOG and KEEPALIVE come in,
// HELLO_REPLY, ACK, LOG_REPLY and FAILURE go out (proto/PROTOCOL.md). It knows nothing of sockets:
// frames are handed to it, and it hands frames to an Outlet. An event is acknowledged when it is
// committed, never before; LOG_REPLYs come in the order of their requests.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "bkserver/ingest/lanes.h"
#include "bkserver/ingest/stamper.h"
#include "common/base/result.h"
#include "lb/v1/wire.pb.h"

namespace lb::ingest {

// Where frames go out. Thread-safe: lanes answer too. Calls in one thread's order are sent in that
// order; after the connection is closed they do nothing.
class Outlet {
  public:
    virtual ~Outlet() = default;
    virtual void send(lb::v1::FrameType type, const std::string& payload) = 0;
};

struct SessionOptions {
    std::string service;   // host:port of the ids that this server keeps
    std::string software;  // "lb-bkserver 0.1.0"
    std::uint32_t frame_bytes_max = limits::kFrameBytesMax;
    std::uint32_t batch_events_max = limits::kBatchEventsMax;
    std::uint64_t window_events = 16'384;  // of one connection, unsettled at once
    std::uint64_t window_bytes = 16 * 1024 * 1024;
    std::uint32_t keepalive_seconds = 10;
    // Sessions that have events unsettled. Those that were made with copies of the same options
    // share the room of the lanes.
    std::shared_ptr<std::atomic<std::size_t>> senders =
        std::make_shared<std::atomic<std::size_t>>(0);
};

// What the peer told of itself, for people (lbctl forwarders).
struct PeerReport {
    lb::v1::PeerRole role = lb::v1::PEER_ROLE_UNSPECIFIED;
    std::string software;
    std::string host;
    std::int64_t clock_offset_us = 0;  // peer's clock minus ours, at hello or the last keepalive
    std::uint64_t spool_events = 0;
    std::int64_t oldest_us = 0;
    std::uint64_t events = 0;  // received on this connection
    std::int64_t seen_us = 0;  // server's clock at hello or the last keepalive
};

class Session : public Receiver, public std::enable_shared_from_this<Session> {
  public:
    // `identity` is the peer's, proven by TLS or the kernel. `lanes` and `stamper` outlive the
    // session.
    static std::shared_ptr<Session> make(SessionOptions options, lb::v1::Identity identity,
                                         Lanes& lanes, Stamper& stamper,
                                         std::shared_ptr<Outlet> outlet);

    // A frame of one of the types that is_ours() names. An error ends the connection: a FAILURE
    // frame is sent already. In one thread at a time.
    Status on_frame(lb::v1::FrameType type, std::string_view payload);
    static bool is_ours(lb::v1::FrameType type);
    // A HELLO was answered: other frames of the connection may be taken.
    [[nodiscard]] bool is_greeted() const;

    // Every keepalive_seconds: sends a KEEPALIVE.
    void on_tick();
    // Tells a sender that was paused when there is room again. Often: it waits for it.
    void give_credit();
    // No frame will come or go any more.
    void close();

    [[nodiscard]] PeerReport report() const;
    [[nodiscard]] const lb::v1::Identity& identity() const { return identity_; }

    void on_settled(std::span<const Outcome> outcomes) override;

  private:
    struct Private {};
    struct Pending {
        std::uint64_t bytes = 0;
        bool is_settled = false;
        bool has_no_room = false;  // the lanes did not take it
        book::Settled settled;
        std::string event_id;  // of a LOG
    };
    // Tickets of LOGs are told from sequences of batches by this bit.
    static constexpr std::uint64_t kLogTicket = std::uint64_t{1} << 63;

  public:
    Session(Private, SessionOptions options, lb::v1::Identity identity, Lanes& lanes,
            Stamper& stamper, std::shared_ptr<Outlet> outlet);
    ~Session() override;

  private:
    Status fail(ErrorCode code, const std::string& text);
    Status on_hello(std::string_view payload);
    Status on_batch(std::string_view payload);
    Status on_keepalive(std::string_view payload);
    Status on_log(std::string_view payload);
    void mark(std::uint64_t ticket, book::Settled settled);
    void send_ack(bool even_without_progress);
    void send_log_replies();
    void set_credit(lb::v1::Ack& ack);
    void count_as_sender();

    const SessionOptions options_;
    const lb::v1::Identity identity_;
    Lanes& lanes_;
    Stamper& stamper_;

    mutable std::mutex mutex_;        // guards all below
    std::shared_ptr<Outlet> outlet_;  // null when closed
    bool is_greeted_ = false;
    PeerReport report_;
    std::uint64_t settled_up_to_ = 0;
    std::deque<Pending> batch_events_;  // the first has sequence settled_up_to_ + 1
    std::uint64_t pending_bytes_ = 0;
    bool is_paused_ = false;  // the last credit was none
    bool is_sender_ = false;  // counted in SessionOptions::senders
    std::uint64_t logs_answered_ = 0;
    std::deque<Pending> logs_;  // the first has ticket logs_answered_ + 1
};

}  // namespace lb::ingest
