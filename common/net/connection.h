// A connection that carries frames (or, for HTTP, plain bytes), over TLS or a Unix socket. Bounded
// both ways: what is not sent yet counts against a limit, and reading can be paused so that the
// peer is held up by its own full socket. The invariant: on_closed() is called exactly once, last.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/limits.h"
#include "common/base/result.h"
#include "common/net/loop.h"
#include "common/tls/identity.h"

namespace lb::net {

// Proven by the kernel (SO_PEERCRED).
struct LocalPeer {
    uid_t uid = 0;
    gid_t gid = 0;
    pid_t pid = 0;
};

struct Peer {
    std::string address;             // "192.0.2.7:40312", or the path of a Unix socket: for people
    tls::Identity identity;          // dn empty: it showed no certificate (HTTP only)
    std::optional<LocalPeer> local;  // of Unix sockets
    std::string protocol;            // by ALPN: "lb/1", "http/1.1" or empty; "lb/1" on Unix sockets
};

struct ConnectionLimits {
    std::size_t frame_bytes_max = limits::kFrameBytesMax;  // of a payload received
    std::size_t send_bytes_max = 64 * 1024 * 1024;  // queued; more closes the connection (kFull)
    Milliseconds handshake_timeout{10'000};         // connecting included
    // Nothing received for so long closes the connection (kTimeout); 0 = never. Not counted while
    // reading is paused.
    Milliseconds idle_timeout{90'000};
    Milliseconds send_timeout{60'000};   // bytes are queued, and the peer takes none of them
    Milliseconds end_timeout{2'000};     // all is sent, and the peer does not end its side
    std::size_t read_bytes = 64 * 1024;  // at once; an idle connection holds so many
};

class Connection;

// What a connection calls, in its loop's thread. Owned by the connection, which destroys it after
// on_closed(). It may hold the Connection by weak_ptr, and may call it from within a callback.
class Handler {
  public:
    Handler() = default;
    Handler(const Handler&) = delete;
    Handler& operator=(const Handler&) = delete;
    virtual ~Handler() = default;

    // The connection is ready: its peer is known.
    virtual void on_open(Connection& connection);
    // A frame whose checksum is right; `payload` is valid during the call. Without an override the
    // connection is closed (kReject).
    virtual void on_frame(Connection& connection, std::uint8_t type, std::string_view payload);
    // Bytes of a connection that speaks no frames. Without an override it is closed.
    virtual void on_bytes(Connection& connection, std::string_view bytes);
    // `why` is kOk when it ended in good order, by either side.
    virtual void on_closed(Connection& connection, const Error& why);
};

// Held by shared_ptr: by its deadlines and pending operations until it is closed, and by who wants
// to send (no longer than the loop lives).
// Everything may be called from any thread unless said otherwise; calls from other threads are
// posted to the loop and keep their order.
class Connection : public std::enable_shared_from_this<Connection> {
  public:
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    virtual ~Connection() = default;

    virtual void send_frame(std::uint8_t type, std::string_view payload) = 0;
    virtual void send_bytes(std::string bytes) = 0;
    // Bytes queued and not yet taken by the system.
    [[nodiscard]] virtual std::size_t queued_bytes() const = 0;

    // No callbacks of received data after it, but for the one that is running, until resumed. In
    // the loop's thread only.
    virtual void pause_reading() = 0;
    virtual void resume_reading() = 0;

    // Sends what is queued, as long as the peer takes it, then closes in good order. Nothing
    // received is handed out any more.
    virtual void close_gracefully() = 0;
    // At once; on_closed() gets `why`.
    virtual void close(Error why) = 0;

    // In the loop's thread only.
    virtual void set_idle_timeout(Milliseconds timeout) = 0;

    [[nodiscard]] virtual const Peer& peer() const = 0;
    [[nodiscard]] virtual Loop& loop() = 0;

  protected:
    Connection() = default;
};

}  // namespace lb::net
