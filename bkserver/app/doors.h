// The doors: what comes in over connections goes to where it belongs. Frames that bring events go
// to a session of ingest, questions to the query pool, HTTP to the HTTP door. Whoever breaks the
// protocol is told why, counted, and his connection ends; nobody else notices.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bkserver/app/answer_pool.h"
#include "bkserver/app/http_door.h"
#include "bkserver/ingest/session.h"
#include "bkserver/store/store.h"
#include "common/net/listener.h"

namespace lb::bkserver {

// What the doors lead to; all outlive them.
struct Rooms {
    ingest::Lanes& lanes;
    ingest::Stamper& stamper;
    AnswerPool& queries;
    HttpDoor& http;
};

// In the loop's thread unless said otherwise.
class Doors {
  public:
    // `host`: this server's name, the realm of its local users.
    Doors(ingest::SessionOptions session, std::string host, Rooms rooms);
    ~Doors();
    Doors(const Doors&) = delete;
    Doors& operator=(const Doors&) = delete;

    // For the listeners.
    std::unique_ptr<net::Handler> make_handler(net::Connection& connection);
    void refuse(const std::string& address, const Error& why);

    // Four times a second: credit to senders that were paused.
    void give_credit();
    // Every keepalive_seconds.
    void keep_alive();
    // Sends what is queued, then closes all.
    void close_all();
    [[nodiscard]] std::size_t connection_count() const;

    // Any thread. One row a connected forwarder.
    [[nodiscard]] nlohmann::ordered_json forwarders() const;
    // Any thread. What the keepalives of connected forwarders said, one a host.
    [[nodiscard]] std::vector<store::Logger> logger_reports() const;

  private:
    struct Question;
    class FrameHandler;
    class HttpHandler;
    struct Visitor {
        std::shared_ptr<ingest::Session> session;  // null: HTTP
        std::weak_ptr<net::Connection> connection;
        std::string address;
        std::int64_t since_us = 0;
    };

    [[nodiscard]] lb::v1::Identity identity_of(const net::Peer& peer) const;
    [[nodiscard]] std::vector<Visitor> visitors() const;
    void ask(std::shared_ptr<Question> question);
    std::uint64_t enter(Visitor visitor);
    void leave(std::uint64_t number, const net::Connection& connection, const Error& why);

    const ingest::SessionOptions session_;
    const std::string host_;
    const Rooms rooms_;
    metrics::Gauge& connections_;
    metrics::Counter& refused_;
    metrics::Counter& broken_;
    metrics::Counter& answered_;
    metrics::Counter& unanswered_;
    metrics::Histogram& answer_seconds_;
    mutable std::mutex mutex_;  // of the two below
    std::map<std::uint64_t, Visitor> visitors_;
    std::uint64_t next_number_ = 1;
};

}  // namespace lb::bkserver
