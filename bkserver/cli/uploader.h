// Many events to the server over one connection, without waiting for each: batches go out as long
// as the server's credit lasts, and every event's verdict comes back. Keeps what is unsettled,
// which the credit bounds.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "common/net/client.h"
#include "lb/v1/error.pb.h"
#include "lb/v1/wire.pb.h"

namespace lb::cli {

struct Upload {
    std::string envelope;    // serialized lb.v1.Envelope, stamped
    std::uint64_t line = 0;  // of the caller's file
    std::string text;        // of that line
};

// The server at the other end; tests play it.
class BatchPeer {
  public:
    virtual ~BatchPeer() = default;
    virtual Status send_batch(const lb::v1::Batch& batch) = 0;
    virtual Result<lb::v1::Ack> next_ack() = 0;
};

class ClientPeer final : public BatchPeer {
  public:
    // `client` outlives it.
    explicit ClientPeer(net::Client& client) : client_(client) {}
    Status send_batch(const lb::v1::Batch& batch) override { return client_.send_batch(batch); }
    Result<lb::v1::Ack> next_ack() override { return client_.next_ack(); }

  private:
    net::Client& client_;
};

// How much may be unsettled.
struct Credit {
    std::uint64_t events = 0;
    std::uint64_t bytes = 0;
};

class Uploader {
  public:
    using OnSettled =
        std::function<void(Upload upload, lb::v1::Verdict verdict, const std::string& reason)>;

    // `peer` outlives it; `credit` as its hello gave it. `on_settled` is called within add() and
    // finish().
    Uploader(BatchPeer& peer, Credit credit, OnSettled on_settled);

    Status add(Upload upload);
    // Until everything is settled.
    Status finish();

  private:
    Status send_waiting();
    Status take_ack();
    [[nodiscard]] std::size_t sendable() const;

    BatchPeer& peer_;
    const OnSettled on_settled_;
    std::vector<Upload> waiting_;  // for their batch
    std::size_t waiting_bytes_ = 0;
    std::deque<Upload> sent_;  // the first has sequence settled_up_to_ + 1
    std::size_t sent_bytes_ = 0;
    std::uint64_t settled_up_to_ = 0;
    Credit credit_;
    bool must_pause_ = false;  // the server had no room for some
};

}  // namespace lb::cli
