// A byte stream under a connection, with or without TLS: the one place where Asio meets OpenSSL.
// In the loop's thread. One read and one write may be pending at a time; `done` functions are
// called from the loop, never from within the call that got them, and not any more after close().
// They own what keeps the stream alive: OpenSSL and Asio work on it until each one is done.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/net/connection.h"
#include "common/net/dialer.h"

namespace lb::net {

class Stream {
  public:
    using Done = std::function<void(const Status& status)>;
    using Moved = std::function<void(const Status& status, std::size_t bytes)>;

    Stream() = default;
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    virtual ~Stream() = default;

    // Connects, if it was dialled, and shakes hands.
    virtual void open(Done done) = 0;
    // Who is at the other end; after open().
    virtual Result<Peer> peer() = 0;
    // `address` of peer(), also when open() failed.
    [[nodiscard]] virtual std::string peer_address() const = 0;
    // Some bytes, at most `bytes`; 0 bytes and ok = the peer has ended the stream in good order.
    virtual void read_some(char* target, std::size_t bytes, Moved moved) = 0;
    virtual void write_some(std::string_view bytes, Moved moved) = 0;
    // Tells the peer that nothing more will come.
    virtual void end(Done done) = 0;
    // Pending operations end with an error.
    virtual void close() = 0;
};

// A TLS connection to somebody else, not opened yet. kReject when the names are none.
Result<std::unique_ptr<Stream>> dialled_tls_stream(Loop& loop, const DialOptions& options);

// Sockets that were accepted, ready for the handshake; the descriptors become the stream's.
Result<std::unique_ptr<Stream>> accepted_tls_stream(Loop& loop, int descriptor,
                                                    const tls::SharedContext& context);
Result<std::unique_ptr<Stream>> accepted_unix_stream(Loop& loop, int descriptor,
                                                     const std::string& path);

}  // namespace lb::net
