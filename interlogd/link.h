// A connection to a destination as its queue sees it, so that tests can play the server.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/spool/spool_format.h"

namespace lb::interlogd {

// What a link tells, in the forwarder's thread. on_link_closed() comes last, at most once.
class LinkListener {
  public:
    virtual ~LinkListener() = default;
    virtual void on_link_open() = 0;
    virtual void on_link_frame(std::uint8_t type, std::string_view payload) = 0;
    virtual void on_link_closed(const Error& why) = 0;
};

// Once it is destroyed its listener hears nothing any more.
class Link {
  public:
    virtual ~Link() = default;
    virtual void send(std::uint8_t type, const std::string& payload) = 0;
    // Silence for so long ends the link.
    virtual void set_idle_timeout_ms(std::int64_t milliseconds) = 0;
    // Bytes sent and not yet taken by the network.
    [[nodiscard]] virtual std::size_t queued_bytes() const = 0;
};

class LinkMaker {
  public:
    virtual ~LinkMaker() = default;
    // Never fails at once: what is wrong comes as on_link_closed().
    virtual std::unique_ptr<Link> dial(const spool::Destination& destination,
                                       LinkListener& listener) = 0;
};

}  // namespace lb::interlogd
