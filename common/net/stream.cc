#include "common/net/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <cerrno>
#include <optional>
#include <utility>

#include "common/net/loop_implementation.h"
#include "common/tls/failure.h"

namespace lb::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Failure = boost::system::error_code;
// How long a refused client may take to read why, and how many may at once.
constexpr Milliseconds kLinger{500};
constexpr std::size_t kLingeringMax = 64;

using UnixSocket = asio::local::stream_protocol::socket;

// Dead hosts are found by our own keepalive; the kernel's is for connections without frames.
void set_tcp_options(tcp::socket& socket) {
    Failure ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
}

std::string text_of(const tcp::endpoint& endpoint) {
    const std::string address = endpoint.address().to_string();
    const bool is_v6 = endpoint.address().is_v6();
    return (is_v6 ? "[" + address + "]" : address) + ":" + std::to_string(endpoint.port());
}

class TlsStream final : public Stream {
  public:
    TlsStream(Loop& loop, tcp::socket socket, asio::ssl::context& context, std::string peer_address)
        : loop_(loop), stream_(std::move(socket), context), address_(std::move(peer_address)) {
        set_tcp_options(stream_.next_layer());
    }

    void dial_to(std::string host, std::uint16_t port) {
        host_ = std::move(host);
        port_ = port;
    }
    SSL& ssl() { return *stream_.native_handle(); }

    void open(Done done) override {
        if (host_.empty()) return shake_hands(asio::ssl::stream_base::server, std::move(done));
        resolver_.emplace(stream_.get_executor());
        resolver_->async_resolve(
            host_, std::to_string(port_), tcp::resolver::numeric_service,
            [this, done = std::move(done)](const Failure& failure, const auto& found) mutable {
                if (failure == asio::error::operation_aborted) return;
                if (failure) return done(why(failure));
                connect_to(found, std::move(done));
            });
    }

    Result<Peer> peer() override {
        Peer peer;
        peer.address = address_;
        peer.protocol = tls::agreed_protocol(ssl());
        LB_TRY_ASSIGN(peer.identity, tls::peer_identity(ssl()));
        return peer;
    }

    [[nodiscard]] std::string peer_address() const override { return address_; }

    void read_some(char* target, std::size_t bytes, Moved moved) override {
        stream_.async_read_some(
            asio::buffer(target, bytes),
            [this, moved = std::move(moved)](const Failure& failure, std::size_t count) {
                if (failure == asio::error::operation_aborted) return;
                if (failure == asio::error::eof) return moved({}, 0);
                moved(failure ? Status(why(failure)) : Status(), count);
            });
    }

    void write_some(std::string_view bytes, Moved moved) override {
        stream_.async_write_some(
            asio::buffer(bytes.data(), bytes.size()),
            [this, moved = std::move(moved)](const Failure& failure, std::size_t count) {
                if (failure == asio::error::operation_aborted) return;
                moved(failure ? Status(why(failure)) : Status(), count);
            });
    }

    void end(Done done) override {
        stream_.async_shutdown([this, done = std::move(done)](const Failure& failure) {
            if (failure == asio::error::operation_aborted) return;
            done(failure && failure != asio::error::eof ? Status(why(failure)) : Status());
        });
    }

    void close() override {
        if (resolver_) resolver_->cancel();
        if (is_refused_) linger();
        Failure ignored;
        stream_.next_layer().close(ignored);
    }

  private:
    // A client whose certificate we refuse has sent more by then; closing with that unread would
    // throw away the alert that tells it why. So the socket stays for a moment.
    void linger() {
        std::size_t& lingering = loop_.implementation().lingering;
        if (lingering >= kLingeringMax) return;
        const int descriptor = dup(stream_.next_layer().native_handle());
        if (descriptor < 0) return;
        shutdown(descriptor, SHUT_WR);
        ++lingering;
        const std::shared_ptr<void> socket(nullptr, [descriptor, &lingering](void*) {
            ::close(descriptor);
            --lingering;
        });
        loop_.call_after(kLinger, [socket] {});
    }

    void connect_to(const tcp::resolver::results_type& endpoints, Done done) {
        asio::async_connect(
            stream_.next_layer(), endpoints,
            [this, done = std::move(done)](const Failure& failure, const tcp::endpoint&) mutable {
                if (failure == asio::error::operation_aborted) return;
                if (failure) return done(why(failure));
                set_tcp_options(stream_.next_layer());
                shake_hands(asio::ssl::stream_base::client, std::move(done));
            });
    }

    void shake_hands(asio::ssl::stream_base::handshake_type side, Done done) {
        stream_.async_handshake(side, [this, side, done = std::move(done)](const Failure& failure) {
            if (failure == asio::error::operation_aborted) return;
            is_refused_ = failure && side == asio::ssl::stream_base::server;
            done(failure ? Status(why(failure)) : Status());
        });
    }

    Error why(const Failure& failure) {
        const bool is_openssl = failure.category() == asio::error::get_ssl_category();
        const auto code = is_openssl ? static_cast<unsigned long>(failure.value()) : 0ul;
        const bool is_cut = failure == asio::ssl::error::stream_truncated;
        return tls::connection_failure(ssl(), code, address_,
                                       is_cut ? "the connection was cut" : failure.message());
    }

    Loop& loop_;
    asio::ssl::stream<tcp::socket> stream_;
    std::optional<tcp::resolver> resolver_;
    std::string address_;
    std::string host_;  // empty: accepted, not dialled
    std::uint16_t port_ = 0;
    bool is_refused_ = false;  // by us, in the handshake
};

class UnixStream final : public Stream {
  public:
    UnixStream(UnixSocket socket, std::string path)
        : socket_(std::move(socket)), path_(std::move(path)) {}

    void open(Done done) override {
        asio::post(socket_.get_executor(), [done = std::move(done)] { done({}); });
    }

    Result<Peer> peer() override {
        Peer peer;
        peer.address = path_;
        peer.protocol = tls::kFrameProtocol;
        ucred credentials{};
        socklen_t bytes = sizeof credentials;
        if (getsockopt(socket_.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) != 0)
            return system_error("asking who is at", path_, errno);
        peer.local = LocalPeer{credentials.uid, credentials.gid, credentials.pid};
        return peer;
    }

    [[nodiscard]] std::string peer_address() const override { return path_; }

    void read_some(char* target, std::size_t bytes, Moved moved) override {
        socket_.async_read_some(
            asio::buffer(target, bytes),
            [this, moved = std::move(moved)](const Failure& failure, std::size_t count) {
                if (failure == asio::error::operation_aborted) return;
                if (failure == asio::error::eof) return moved({}, 0);
                moved(failure ? Status(why(failure)) : Status(), count);
            });
    }

    void write_some(std::string_view bytes, Moved moved) override {
        socket_.async_write_some(
            asio::buffer(bytes.data(), bytes.size()),
            [this, moved = std::move(moved)](const Failure& failure, std::size_t count) {
                if (failure == asio::error::operation_aborted) return;
                moved(failure ? Status(why(failure)) : Status(), count);
            });
    }

    void end(Done done) override {
        Failure ignored;
        socket_.shutdown(UnixSocket::shutdown_send, ignored);
        asio::post(socket_.get_executor(), [done = std::move(done)] { done({}); });
    }

    void close() override {
        Failure ignored;
        socket_.close(ignored);
    }

  private:
    [[nodiscard]] Error why(const Failure& failure) const {
        return Error{ErrorCode::kRetry, path_ + ": " + failure.message()};
    }

    UnixSocket socket_;
    std::string path_;
};

// Asio's context gives back its reference at once; the SSL keeps its own.
std::unique_ptr<TlsStream> make_tls_stream(Loop& loop, tcp::socket socket,
                                           const tls::SharedContext& shared,
                                           std::string peer_address) {
    SSL_CTX_up_ref(shared.get());
    asio::ssl::context context(shared.get());
    return std::make_unique<TlsStream>(loop, std::move(socket), context, std::move(peer_address));
}

}  // namespace

Result<std::unique_ptr<Stream>> dialled_tls_stream(Loop& loop, const DialOptions& options) {
    auto stream = make_tls_stream(loop, tcp::socket(loop.implementation().context),
                                  options.credentials->client_context(),
                                  options.host + ":" + std::to_string(options.port));
    stream->dial_to(options.host, options.port);
    const std::vector<std::string> own_name = {options.host};
    LB_TRY(tls::expect_server(stream->ssl(),
                              options.host_names.empty() ? own_name : options.host_names,
                              options.protocol));
    return std::unique_ptr<Stream>(std::move(stream));
}

Result<std::unique_ptr<Stream>> accepted_tls_stream(Loop& loop, int descriptor,
                                                    const tls::SharedContext& context) {
    tcp::socket socket(loop.implementation().context);
    sockaddr_storage local{};
    socklen_t bytes = sizeof local;
    getsockname(descriptor, reinterpret_cast<sockaddr*>(&local), &bytes);
    Failure failure;
    socket.assign(local.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), descriptor, failure);
    if (failure) {
        ::close(descriptor);
        return Error{ErrorCode::kRetry, "accepted socket: " + failure.message()};
    }
    const tcp::endpoint remote = socket.remote_endpoint(failure);
    if (failure) return Error{ErrorCode::kRetry, "accepted socket: " + failure.message()};
    return std::unique_ptr<Stream>(
        make_tls_stream(loop, std::move(socket), context, text_of(remote)));
}

Result<std::unique_ptr<Stream>> accepted_unix_stream(Loop& loop, int descriptor,
                                                     const std::string& path) {
    UnixSocket socket(loop.implementation().context);
    Failure failure;
    socket.assign(asio::local::stream_protocol(), descriptor, failure);
    if (failure) {
        ::close(descriptor);
        return Error{ErrorCode::kRetry, path + ": " + failure.message()};
    }
    return std::unique_ptr<Stream>(std::make_unique<UnixStream>(std::move(socket), path));
}

}  // namespace lb::net
