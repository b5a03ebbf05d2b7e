#include "common/net/client.h"

#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "common/base/limits.h"
#include "common/frame/frame.h"
#include "common/tls/failure.h"
#include "lb/v1/envelope.pb.h"
#include "lb/v1/wire.pb.h"

namespace lb::net {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kProtocolVersion = 1;
constexpr std::size_t kReadBytes = 64 * 1024;

std::int64_t now_us() {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

struct Deadline {
    explicit Deadline(std::chrono::milliseconds timeout) : at(Clock::now() + timeout) {}

    [[nodiscard]] int left_ms() const {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(at - Clock::now()).count();
        return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000'000));
    }

    Clock::time_point at;
};

// While it lives this thread gets no SIGPIPE from a peer that is gone: OpenSSL writes without
// MSG_NOSIGNAL, and whose handler the process has is not a library's to say.
class NoSigpipe {
  public:
    NoSigpipe() {
        sigset_t pending;
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        const sigset_t pipe = pipe_only();
        pthread_sigmask(SIG_BLOCK, &pipe, &before_);
    }
    ~NoSigpipe() {
        const int kept_errno = errno;
        const sigset_t pipe = pipe_only();
        constexpr timespec kNow{};
        if (!was_pending_)
            while (sigtimedwait(&pipe, nullptr, &kNow) < 0 && errno == EINTR) {
            }
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        errno = kept_errno;
    }
    NoSigpipe(const NoSigpipe&) = delete;
    NoSigpipe& operator=(const NoSigpipe&) = delete;

  private:
    static sigset_t pipe_only() {
        sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, SIGPIPE);
        return signals;
    }

    bool was_pending_ = false;
    sigset_t before_{};
};

// An open socket; closed by its destructor.
class Socket {
  public:
    explicit Socket(int descriptor = -1) : descriptor_(descriptor) {}
    Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Socket& operator=(Socket&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~Socket() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    [[nodiscard]] int descriptor() const { return descriptor_; }

  private:
    int descriptor_;
};

Status wait_for(int descriptor, short events, const Deadline& deadline, const std::string& peer) {
    pollfd waited{descriptor, events, 0};
    while (true) {
        const int ready = ::poll(&waited, 1, deadline.left_ms());
        if (ready > 0) return {};
        if (ready == 0) return Error{ErrorCode::kTimeout, peer + " did not answer in time"};
        if (errno != EINTR) return system_error("waiting for", peer, errno);
    }
}

Result<Socket> connect_to(const sockaddr* address, socklen_t size, const Deadline& deadline,
                          const std::string& peer) {
    Socket socket(::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket.descriptor() < 0) return system_error("opening a socket to", peer, errno);
    if (::connect(socket.descriptor(), address, size) == 0) return socket;
    if (errno != EINPROGRESS) return system_error("connecting to", peer, errno);
    LB_TRY(wait_for(socket.descriptor(), POLLOUT, deadline, peer));
    int problem = 0;
    socklen_t problem_size = sizeof problem;
    ::getsockopt(socket.descriptor(), SOL_SOCKET, SO_ERROR, &problem, &problem_size);
    if (problem != 0) return system_error("connecting to", peer, problem);
    return socket;
}

Result<Socket> connect_unix(const std::string& path, const Deadline& deadline) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return Error{ErrorCode::kReject, "the socket path " + path + " is too long for a socket"};
    std::memcpy(address.sun_path, path.data(), path.size());
    return connect_to(reinterpret_cast<const sockaddr*>(&address), sizeof address, deadline, path);
}

Result<Socket> connect_tcp(const ClientOptions& options, const Deadline& deadline,
                           const std::string& peer) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    std::string host = options.host;
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const int problem =
        ::getaddrinfo(host.c_str(), std::to_string(options.port).c_str(), &wanted, &found);
    if (problem != 0)
        return Error{ErrorCode::kRetry,
                     "looking up the address of " + host + ": " + ::gai_strerror(problem)};
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, ::freeaddrinfo);
    Error last{ErrorCode::kRetry, host + " has no address"};
    for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
        auto socket = connect_to(address->ai_addr, address->ai_addrlen, deadline, peer);
        if (socket.ok()) return socket;
        last = socket.error();
    }
    return last;
}

}  // namespace

struct Client::Implementation {
    struct FreeSsl {
        void operator()(SSL* ssl) const { SSL_free(ssl); }
    };

    explicit Implementation(ClientOptions client_options) : options(std::move(client_options)) {}

    Status open();
    Status handshake(const Deadline& deadline);
    Status greet(const Deadline& deadline);
    Status send(std::uint8_t type, const std::string& payload, const Deadline& deadline);
    // The next frame that is no keepalive; kReject etc. when the server says FAILURE.
    Result<std::string> receive(std::uint8_t wanted, const Deadline& deadline);
    // The same; a keepalive goes out after each pause in which nothing came.
    Result<std::string> await(std::uint8_t wanted, const Deadline& deadline,
                              std::chrono::milliseconds pause,
                              const std::function<bool()>& on_wait);
    Status read_some(const Deadline& deadline);
    // Whether to try again after an incomplete TLS operation; waits as long as it takes.
    Status after_incomplete(int result, const Deadline& deadline);
    Error broken(const std::string& how) const {
        return {ErrorCode::kRetry, "the connection to " + peer + " broke: " + how};
    }

    const ClientOptions options;
    std::string peer;
    Socket socket;
    tls::SharedContext context;
    std::unique_ptr<SSL, FreeSsl> ssl;
    frame::Decoder decoder{limits::kFrameBytesMax};
    v1::HelloReply hello;
    std::uint64_t last_request = 0;
};

Status Client::Implementation::open() {
    const Deadline deadline(options.timeout);
    if (!options.socket_path.empty()) {
        peer = options.socket_path;
        LB_TRY_ASSIGN(socket, connect_unix(options.socket_path, deadline));
    } else {
        peer = options.host + ":" + std::to_string(options.port);
        LB_TRY_ASSIGN(socket, connect_tcp(options, deadline, peer));
        LB_TRY(handshake(deadline));
    }
    return greet(deadline);
}

Status Client::Implementation::handshake(const Deadline& deadline) {
    context = options.credentials->client_context();
    ssl.reset(SSL_new(context.get()));
    if (!ssl || SSL_set_fd(ssl.get(), socket.descriptor()) != 1)
        return Error{ErrorCode::kRetry, "no memory for a TLS connection"};
    const std::vector<std::string> names =
        options.host_names.empty() ? std::vector<std::string>{options.host} : options.host_names;
    LB_TRY(tls::expect_server(*ssl, names, tls::kFrameProtocol));
    const NoSigpipe no_sigpipe;
    while (true) {
        ERR_clear_error();
        const int result = SSL_connect(ssl.get());
        if (result == 1) return {};
        LB_TRY(after_incomplete(result, deadline));
    }
}

Status Client::Implementation::after_incomplete(int result, const Deadline& deadline) {
    const int system_errno = errno;
    switch (SSL_get_error(ssl.get(), result)) {
        case SSL_ERROR_WANT_READ:
            return wait_for(socket.descriptor(), POLLIN, deadline, peer);
        case SSL_ERROR_WANT_WRITE:
            return wait_for(socket.descriptor(), POLLOUT, deadline, peer);
        case SSL_ERROR_SSL:
            return tls::connection_failure(*ssl, ERR_get_error(), peer, {});
        default:
            return tls::connection_failure(
                *ssl, 0, peer,
                system_errno == 0 ? "the server closed it" : std::strerror(system_errno));
    }
}

Status Client::Implementation::send(std::uint8_t type, const std::string& payload,
                                    const Deadline& deadline) {
    std::string bytes;
    frame::append_frame(bytes, type, payload);
    const NoSigpipe no_sigpipe;
    for (std::size_t sent = 0; sent < bytes.size();) {
        errno = 0;
        if (ssl) {
            ERR_clear_error();
            std::size_t count = 0;
            const int result =
                SSL_write_ex(ssl.get(), bytes.data() + sent, bytes.size() - sent, &count);
            if (result != 1) LB_TRY(after_incomplete(result, deadline));
            sent += count;
            continue;
        }
        const ssize_t count =
            ::send(socket.descriptor(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (count < 0 && errno != EAGAIN && errno != EINTR) return broken(std::strerror(errno));
        if (count < 0) LB_TRY(wait_for(socket.descriptor(), POLLOUT, deadline, peer));
        if (count > 0) sent += static_cast<std::size_t>(count);
    }
    return {};
}

Status Client::Implementation::read_some(const Deadline& deadline) {
    std::array<char, kReadBytes> buffer{};
    const NoSigpipe no_sigpipe;  // TLS may have to write in order to read
    while (true) {
        errno = 0;
        if (ssl) {
            ERR_clear_error();
            std::size_t count = 0;
            const int result = SSL_read_ex(ssl.get(), buffer.data(), buffer.size(), &count);
            if (result == 1) {
                decoder.append({buffer.data(), count});
                return {};
            }
            LB_TRY(after_incomplete(result, deadline));
            continue;
        }
        const ssize_t count = ::recv(socket.descriptor(), buffer.data(), buffer.size(), 0);
        if (count == 0) return broken("the server closed it");
        if (count < 0 && errno != EAGAIN && errno != EINTR) return broken(std::strerror(errno));
        if (count > 0) {
            decoder.append({buffer.data(), static_cast<std::size_t>(count)});
            return {};
        }
        LB_TRY(wait_for(socket.descriptor(), POLLIN, deadline, peer));
    }
}

Result<std::string> Client::Implementation::receive(std::uint8_t wanted, const Deadline& deadline) {
    while (true) {
        LB_TRY_ASSIGN(const auto frame, decoder.next());
        if (!frame) {
            LB_TRY(read_some(deadline));
            continue;
        }
        if (frame->type == wanted) return std::string(frame->payload);
        if (frame->type == v1::FRAME_TYPE_KEEPALIVE) continue;
        v1::Failure failure;
        if (frame->type == v1::FRAME_TYPE_FAILURE &&
            failure.ParseFromArray(frame->payload.data(), static_cast<int>(frame->payload.size())))
            return Error{static_cast<ErrorCode>(failure.code()), failure.text()};
        return Error{ErrorCode::kCorrupt, peer + " sent a frame that was not expected: type " +
                                              std::to_string(frame->type)};
    }
}

Result<std::string> Client::Implementation::await(std::uint8_t wanted, const Deadline& deadline,
                                                  std::chrono::milliseconds pause,
                                                  const std::function<bool()>& on_wait) {
    while (true) {
        const std::chrono::milliseconds left(deadline.left_ms());
        auto payload = receive(wanted, Deadline(std::min(pause, left)));
        if (payload.ok() || payload.error().code != ErrorCode::kTimeout || deadline.left_ms() == 0)
            return payload;
        v1::Keepalive alive;
        alive.set_clock_us(now_us());
        LB_TRY(send(v1::FRAME_TYPE_KEEPALIVE, alive.SerializeAsString(), deadline));
        if (!on_wait())
            return Error{ErrorCode::kTimeout, "waiting for an answer of " + peer + " was given up"};
    }
}

Status Client::Implementation::greet(const Deadline& deadline) {
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    v1::Hello said;
    said.set_version_min(kProtocolVersion);
    said.set_version_max(kProtocolVersion);
    said.set_role(v1::PEER_ROLE_CLIENT);
    said.set_software(options.software);
    said.set_host(host.data());
    said.set_clock_us(now_us());
    LB_TRY(send(v1::FRAME_TYPE_HELLO, said.SerializeAsString(), deadline));
    LB_TRY_ASSIGN(const auto payload, receive(v1::FRAME_TYPE_HELLO_REPLY, deadline));
    if (!hello.ParseFromString(payload))
        return Error{ErrorCode::kCorrupt, peer + " sent a hello that cannot be read"};
    return {};
}

Client::Client(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}

Client::~Client() {
    // Best effort: the peer logs a good end instead of a broken one.
    const NoSigpipe no_sigpipe;
    if (implementation_->ssl) SSL_shutdown(implementation_->ssl.get());
}

Result<std::unique_ptr<Client>> Client::connect(const ClientOptions& options) {
    auto implementation = std::make_unique<Implementation>(options);
    LB_TRY(implementation->open());
    return std::unique_ptr<Client>(new Client(std::move(implementation)));
}

const v1::HelloReply& Client::hello() const {
    return implementation_->hello;
}

Status Client::ask(v1::Request request, const std::function<bool(const v1::Reply&)>& on_reply) {
    return ask(std::move(request), on_reply, Patience{implementation_->options.timeout});
}

Status Client::ask(v1::Request request, const std::function<bool(const v1::Reply&)>& on_reply,
                   const Patience& patience) {
    constexpr std::chrono::seconds kPause(1);
    Implementation& line = *implementation_;
    const Deadline deadline(patience.timeout);
    request.set_id(++line.last_request);
    LB_TRY(line.send(v1::FRAME_TYPE_REQUEST, request.SerializeAsString(), deadline));
    while (true) {
        LB_TRY_ASSIGN(const auto payload,
                      line.await(v1::FRAME_TYPE_REPLY, deadline, kPause, patience.on_wait));
        v1::Reply reply;
        if (!reply.ParseFromString(payload) || reply.id() != request.id())
            return Error{ErrorCode::kCorrupt, line.peer + " sent a reply that cannot be read"};
        if (reply.code() != v1::ERROR_CODE_OK)
            return Error{static_cast<ErrorCode>(reply.code()), reply.text()};
        if (!on_reply(reply) || !reply.more()) return {};
    }
}

Status Client::send_batch(const v1::Batch& batch) {
    Implementation& line = *implementation_;
    return line.send(v1::FRAME_TYPE_BATCH, batch.SerializeAsString(),
                     Deadline(line.options.timeout));
}

Result<v1::Ack> Client::next_ack() {
    Implementation& line = *implementation_;
    const Deadline deadline(line.options.timeout);
    const std::chrono::seconds pause(std::max(1U, line.hello.keepalive_seconds()));
    LB_TRY_ASSIGN(const auto payload,
                  line.await(v1::FRAME_TYPE_ACK, deadline, pause, [] { return true; }));
    v1::Ack ack;
    if (ack.ParseFromString(payload)) return ack;
    return Error{ErrorCode::kCorrupt, line.peer + " sent an ack that cannot be read"};
}

Result<v1::LogReply> Client::log(const v1::Envelope& envelope) {
    Implementation& line = *implementation_;
    const Deadline deadline(line.options.timeout);
    LB_TRY(line.send(v1::FRAME_TYPE_LOG, envelope.SerializeAsString(), deadline));
    LB_TRY_ASSIGN(const auto payload, line.receive(v1::FRAME_TYPE_LOG_REPLY, deadline));
    v1::LogReply reply;
    if (!reply.ParseFromString(payload))
        return Error{ErrorCode::kCorrupt, line.peer + " sent a reply that cannot be read"};
    return reply;
}

}  // namespace lb::net
