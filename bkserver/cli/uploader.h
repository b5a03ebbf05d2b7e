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

namespace lb::cli {

struct Upload {
    std::string envelope;    // serialized lb.v1.Envelope, stamped
    std::uint64_t line = 0;  // of the caller's file
    std::string text;        // of that line
};

class Uploader {
  public:
    using OnSettled =
        std::function<void(Upload upload, lb::v1::Verdict verdict, const std::string& reason)>;

    // `client` outlives it. `on_settled` is called within add() and finish().
    Uploader(net::Client& client, OnSettled on_settled);

    Status add(Upload upload);
    // Until everything is settled.
    Status finish();

  private:
    Status send_waiting();
    Status take_ack();
    [[nodiscard]] std::size_t sendable() const;

    net::Client& client_;
    const OnSettled on_settled_;
    std::vector<Upload> waiting_;  // for their batch
    std::size_t waiting_bytes_ = 0;
    std::deque<Upload> sent_;  // the first has sequence settled_up_to_ + 1
    std::size_t sent_bytes_ = 0;
    std::uint64_t settled_up_to_ = 0;
    std::uint64_t credit_events_;
    std::uint64_t credit_bytes_;
    bool must_pause_ = false;  // the server had no room for some
};

}  // namespace lb::cli
