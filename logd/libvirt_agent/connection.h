// A connection to libvirt: its events into a queue, looks at its domains. It closes by itself when
// libvirtd goes away; then it is of no more use.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "logd/libvirt_agent/event_queue.h"
#include "logd/libvirt_agent/mapping.h"

struct _virConnect;

namespace lb::libvirt_agent {

struct FoundDomain {
    std::int64_t time_us = 0;  // just before the look
    std::string uuid;
    std::string name;
    DomainLook look;
};

// One thread at a time. An EventLoop must run.
class Connection {
  public:
    // Events go to `queue` from here on. kRetry: libvirt does not answer; its own words.
    static Result<std::unique_ptr<Connection>> open(const std::string& uri,
                                                    std::shared_ptr<EventQueue> queue);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] bool is_closed() const { return is_closed_; }
    Result<std::vector<FoundDomain>> domains();
    // Whether its definition stays when it stops; false as well when libvirt knows none (any more);
    // nothing when libvirt does not answer.
    std::optional<bool> is_persistent(const std::string& uuid);
    // Empty when there is none (any more).
    std::string xml_of(const std::string& uuid);

  private:
    Connection(_virConnect* connection, std::shared_ptr<EventQueue> queue);
    Status subscribe();

    _virConnect* connection_;
    std::shared_ptr<EventQueue> queue_;
    std::atomic<bool> is_closed_ = false;
    std::vector<int> callbacks_;
};

}  // namespace lb::libvirt_agent
