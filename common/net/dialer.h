// Opens connections to others, without waiting.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/net/connection.h"
#include "common/net/loop.h"
#include "common/tls/credentials.h"

namespace lb::net {

struct DialOptions {
    std::string host;  // a name or a numeric address
    std::uint16_t port = 0;
    // Names one of which the server's certificate must have; empty = `host` only.
    std::vector<std::string> host_names;
    std::string protocol = std::string(tls::kFrameProtocol);
    std::shared_ptr<tls::Credentials> credentials;
    ConnectionLimits limits;
};

// Connects in the loop's thread; may be called from any. `handler` gets on_open() when the
// handshake is done, or on_closed() without it, after limits.handshake_timeout at the latest. The
// connection may be closed before it is open.
std::shared_ptr<Connection> dial_tls(Loop& loop, const DialOptions& options,
                                     std::unique_ptr<Handler> handler);

// A Unix socket that is connected already, one end of a pair: it becomes the connection's.
std::shared_ptr<Connection> adopt_unix(Loop& loop, int descriptor, const ConnectionLimits& limits,
                                       std::unique_ptr<Handler> handler);

}  // namespace lb::net
