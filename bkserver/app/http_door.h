// The HTTP side of the port: requests are read off connections one after the other, within limits
// of size and time, and handed to the desk by a pool of threads. Slow clients are dropped, and when
// there are too many the one that kept us waiting longest makes room, so that strangers never
// hold up anybody else.
#pragma once

#include <cstdint>
#include <memory>
#include <set>

#include "bkserver/app/http_desk.h"
#include "common/net/connection.h"

namespace lb::bkserver {

struct HttpLimits {
    std::size_t connections_max = 1024;
    std::size_t bodies_bytes_max = 64 * 1024 * 1024;  // being read, of all connections
    net::Milliseconds idle_timeout{15'000};           // between two requests
    net::Milliseconds head_timeout{10'000};           // from the first byte to the end of the head
    net::Milliseconds body_timeout{60'000};
    net::Milliseconds answer_timeout{30'000};
    std::size_t stream_bytes_max = 1024 * 1024;  // queued; a client that takes less is dropped
};

// In the loop's thread unless said otherwise.
class HttpDoor {
  public:
    class Conversation;

    // `desk` and `pool` outlive the door and its conversations.
    HttpDoor(HttpLimits limits, HttpDesk& desk, AnswerPool& pool);
    ~HttpDoor();
    HttpDoor(const HttpDoor&) = delete;
    HttpDoor& operator=(const HttpDoor&) = delete;

    // `certificate`: of the peer; its name is empty when it showed none.
    std::unique_ptr<net::Handler> make_handler(lb::v1::Identity certificate);

  private:
    class Handler;

    bool enter(Conversation& conversation);
    void leave(Conversation& conversation);

    const HttpLimits limits_;
    HttpDesk& desk_;
    AnswerPool& pool_;
    metrics::Counter& requests_;
    metrics::Counter& refused_;
    metrics::Counter& dropped_;
    metrics::Gauge& connections_;
    std::set<Conversation*> conversations_;
    std::size_t bodies_bytes_ = 0;
};

}  // namespace lb::bkserver
