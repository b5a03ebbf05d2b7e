// Accepts connections on a TCP port with TLS, or on a Unix socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/net/connection.h"
#include "common/net/loop.h"
#include "common/tls/credentials.h"

namespace lb::net {

// Makes the handler of a connection whose handshake is done: by peer().protocol frames ("lb/1") or
// bytes ("http/1.1", ""). Null refuses it.
using HandlerFactory = std::function<std::unique_ptr<Handler>(Connection& connection)>;
// A connection that never came so far: for the log and a counter.
using RefusedCallback = std::function<void(const std::string& peer_address, const Error& why)>;

struct ListenerOptions {
    ConnectionLimits limits;
    std::size_t connections_max = 4096;  // more are closed at once (kFull to on_refused)
    // That have not shaken hands yet, part of connections_max: one more, and the one that has been
    // at it longest is closed, so that strangers who never finish keep nobody out.
    std::size_t opening_max = 1024;
    HandlerFactory make_handler;
    RefusedCallback on_refused;  // may be empty
};

// Lives in a loop; closed by its destructor, in the loop's thread or after the loop has ended. Its
// connections live on.
class Listener {
  public:
    // `address` is a numeric IP address, "::" for all; port 0 takes a free one.
    static Result<std::unique_ptr<Listener>> open_tls(Loop& loop, const std::string& address,
                                                      std::uint16_t port,
                                                      std::shared_ptr<tls::Credentials> credentials,
                                                      ListenerOptions options);
    // `descriptor`: a TCP socket that listens already; taken over.
    static Result<std::unique_ptr<Listener>> adopt_tls(
        Loop& loop, int descriptor, std::shared_ptr<tls::Credentials> credentials,
        ListenerOptions options);
    // Replaces a stale socket file; made with mode 0660.
    static Result<std::unique_ptr<Listener>> open_unix(Loop& loop, const std::string& path,
                                                       ListenerOptions options);
    ~Listener();

    [[nodiscard]] std::uint16_t port() const;

    struct Implementation;

  private:
    explicit Listener(std::shared_ptr<Implementation> implementation);
    std::shared_ptr<Implementation> implementation_;
};

}  // namespace lb::net
