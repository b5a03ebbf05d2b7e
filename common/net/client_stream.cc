#include "common/net/client_stream.h"

#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "common/tls/failure.h"

namespace lb::net {

namespace {

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

// A question to the system's resolver, which may take much longer than anybody wants to wait.
struct LookUp {
    ~LookUp() {
        if (request.ar_result != nullptr) ::freeaddrinfo(request.ar_result);
    }

    std::string host;
    std::string port;
    addrinfo wanted{};
    gaicb request{};
};

// Takes no longer than the deadline allows; what the resolver has not answered by then is left to
// it.
Result<std::unique_ptr<LookUp>> look_up(std::string host, std::uint16_t port,
                                        const Deadline& deadline) {
    auto asked = std::make_unique<LookUp>();
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    asked->host = std::move(host);
    asked->port = std::to_string(port);
    asked->wanted.ai_socktype = SOCK_STREAM;
    asked->request.ar_name = asked->host.c_str();
    asked->request.ar_service = asked->port.c_str();
    asked->request.ar_request = &asked->wanted;
    gaicb* const requests[] = {&asked->request};
    gaicb* const* const all = requests;
    int problem = ::getaddrinfo_a(GAI_NOWAIT, const_cast<gaicb**>(all), 1, nullptr);
    while (problem == 0 && (problem = ::gai_error(&asked->request)) == EAI_INPROGRESS) {
        const int left_ms = deadline.left_ms();
        const timespec wait{left_ms / 1000, left_ms % 1000 * 1'000'000L};
        problem = 0;
        if (left_ms > 0 && ::gai_suspend(all, 1, &wait) != EAI_AGAIN) continue;
        const std::string name = asked->host;
        if (::gai_cancel(&asked->request) != EAI_CANCELED) (void)asked.release();
        return Error{ErrorCode::kTimeout, "the address of " + name + " was not found in time"};
    }
    if (problem != 0)
        return Error{ErrorCode::kRetry,
                     "looking up the address of " + asked->host + ": " + ::gai_strerror(problem)};
    return asked;
}

Result<Socket> connect_tcp(const ClientPlace& place, const Deadline& deadline,
                           const std::string& peer) {
    LB_TRY_ASSIGN(const auto found, look_up(place.host, place.port, deadline));
    Error last{ErrorCode::kRetry, place.host + " has no address"};
    for (const addrinfo* address = found->request.ar_result; address != nullptr;
         address = address->ai_next) {
        auto socket = connect_to(address->ai_addr, address->ai_addrlen, deadline, peer);
        if (socket.ok()) return socket;
        last = socket.error();
    }
    return last;
}

}  // namespace

struct ClientStream::Implementation {
    struct FreeSsl {
        void operator()(SSL* ssl) const { SSL_free(ssl); }
    };

    Status open(const ClientPlace& place, const Deadline& deadline);
    Status handshake(const ClientPlace& place, const Deadline& deadline);
    // Whether to try again after an incomplete TLS operation; waits as long as it takes.
    Status after_incomplete(int result, const Deadline& deadline);
    Error broken(const std::string& how) const {
        return {ErrorCode::kRetry, "the connection to " + peer + " broke: " + how};
    }

    std::string peer;
    Socket socket;
    tls::SharedContext context;
    std::unique_ptr<SSL, FreeSsl> ssl;
};

Status ClientStream::Implementation::open(const ClientPlace& place, const Deadline& deadline) {
    if (!place.socket_path.empty()) {
        peer = place.socket_path;
        LB_TRY_ASSIGN(socket, connect_unix(place.socket_path, deadline));
        return {};
    }
    peer = place.host + ":" + std::to_string(place.port);
    LB_TRY_ASSIGN(socket, connect_tcp(place, deadline, peer));
    return handshake(place, deadline);
}

Status ClientStream::Implementation::handshake(const ClientPlace& place, const Deadline& deadline) {
    context = place.credentials->client_context();
    ssl.reset(SSL_new(context.get()));
    if (!ssl || SSL_set_fd(ssl.get(), socket.descriptor()) != 1)
        return Error{ErrorCode::kRetry, "no memory for a TLS connection"};
    const std::vector<std::string> names =
        place.host_names.empty() ? std::vector<std::string>{place.host} : place.host_names;
    LB_TRY(tls::expect_server(*ssl, names, tls::kFrameProtocol));
    const NoSigpipe no_sigpipe;
    while (true) {
        ERR_clear_error();
        const int result = SSL_connect(ssl.get());
        if (result == 1) return {};
        LB_TRY(after_incomplete(result, deadline));
    }
}

Status ClientStream::Implementation::after_incomplete(int result, const Deadline& deadline) {
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

ClientStream::ClientStream(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}

ClientStream::~ClientStream() {
    const NoSigpipe no_sigpipe;
    if (implementation_->ssl) SSL_shutdown(implementation_->ssl.get());
}

Result<std::unique_ptr<ClientStream>> ClientStream::connect(const ClientPlace& place,
                                                            const Deadline& deadline) {
    auto implementation = std::make_unique<Implementation>();
    LB_TRY(implementation->open(place, deadline));
    return std::unique_ptr<ClientStream>(new ClientStream(std::move(implementation)));
}

const std::string& ClientStream::peer() const {
    return implementation_->peer;
}

Status ClientStream::send(std::string_view bytes, const Deadline& deadline) {
    Implementation& line = *implementation_;
    const NoSigpipe no_sigpipe;
    while (!bytes.empty()) {
        errno = 0;
        if (line.ssl) {
            ERR_clear_error();
            std::size_t count = 0;
            const int result = SSL_write_ex(line.ssl.get(), bytes.data(), bytes.size(), &count);
            if (result != 1) LB_TRY(line.after_incomplete(result, deadline));
            bytes.remove_prefix(count);
            continue;
        }
        const int descriptor = line.socket.descriptor();
        const ssize_t count = ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count < 0 && errno != EAGAIN && errno != EINTR)
            return line.broken(std::strerror(errno));
        if (count < 0) LB_TRY(wait_for(descriptor, POLLOUT, deadline, line.peer));
        if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

Result<std::size_t> ClientStream::receive(char* target, std::size_t bytes,
                                          const Deadline& deadline) {
    Implementation& line = *implementation_;
    const NoSigpipe no_sigpipe;  // TLS may have to write in order to read
    while (true) {
        errno = 0;
        if (line.ssl) {
            ERR_clear_error();
            std::size_t count = 0;
            const int result = SSL_read_ex(line.ssl.get(), target, bytes, &count);
            if (result == 1) return count;
            LB_TRY(line.after_incomplete(result, deadline));
            continue;
        }
        const int descriptor = line.socket.descriptor();
        const ssize_t count = ::recv(descriptor, target, bytes, 0);
        if (count == 0) return line.broken("the server closed it");
        if (count < 0 && errno != EAGAIN && errno != EINTR)
            return line.broken(std::strerror(errno));
        if (count > 0) return static_cast<std::size_t>(count);
        LB_TRY(wait_for(descriptor, POLLIN, deadline, line.peer));
    }
}

}  // namespace lb::net
