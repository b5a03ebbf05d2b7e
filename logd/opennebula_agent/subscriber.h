// The subscription to OpenNebula's stream of events (its hook manager's ZeroMQ publisher). A stream
// without memory: what is published while the connection is down is gone, so each connection made
// is told of.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"

namespace lb::opennebula_agent {

// Messages that wait here while the logger is slow; more are lost.
inline constexpr int kMessagesMax = 65'536;
inline constexpr std::int64_t kMessageBytesMax = 8 * 1024 * 1024;

struct Message {
    std::string key;      // "EVENT STATE VM/ACTIVE/RUNNING/0 "
    std::string content;  // base64 of XML
};

// One thread at a time.
class Subscriber {
  public:
    // `endpoint`: "tcp://127.0.0.1:2101". Connects in the background, again and again. kReject: the
    // endpoint is none of ZeroMQ.
    static Result<std::unique_ptr<Subscriber>> open(const std::string& endpoint);
    ~Subscriber();

    // The next message, or nothing when none came in time.
    std::optional<Message> next(std::chrono::milliseconds wait);
    // How many connections have been made.
    [[nodiscard]] std::uint64_t connects();
    [[nodiscard]] bool is_connected();

  private:
    struct Implementation;
    explicit Subscriber(std::unique_ptr<Implementation> implementation);
    const std::unique_ptr<Implementation> implementation_;
};

}  // namespace lb::opennebula_agent
