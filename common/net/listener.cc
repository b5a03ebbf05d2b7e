#include "common/net/listener.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <utility>

#include "common/net/loop_implementation.h"
#include "common/net/stream_connection.h"

namespace lb::net {
namespace {

constexpr int kBacklog = 1024;
// When the process is out of descriptors, accepting again at once would only spin.
constexpr Milliseconds kAcceptAgain{100};

class Descriptor {
  public:
    explicit Descriptor(int value) : value_(value) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (value_ >= 0) ::close(value_);
    }
    [[nodiscard]] int get() const { return value_; }

  private:
    int value_;
};

struct TcpAddress {
    sockaddr_storage bytes{};
    socklen_t length = 0;
};

Result<TcpAddress> parse_address(const std::string& text, std::uint16_t port) {
    TcpAddress address;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address.bytes);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.bytes);
    if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        address.length = sizeof *v4;
        return address;
    }
    if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        address.length = sizeof *v6;
        return address;
    }
    return Error{ErrorCode::kReject, "\"" + text + "\" is no numeric IP address to listen on"};
}

Result<int> listen_tcp(const std::string& text, std::uint16_t port) {
    LB_TRY_ASSIGN(const TcpAddress address, parse_address(text, port));
    const std::string place = text + " port " + std::to_string(port);
    const int descriptor = socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return system_error("opening a socket for", place, errno);
    const int yes = 1;
    const int no = 0;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (address.bytes.ss_family == AF_INET6)
        setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    if (bind(descriptor, reinterpret_cast<const sockaddr*>(&address.bytes), address.length) == 0 &&
        listen(descriptor, kBacklog) == 0)
        return descriptor;
    const int failure = errno;
    close(descriptor);
    return system_error("listening on", place, failure);
}

// A socket file without a listener behind it is a leftover; one with a listener is in use.
Status remove_stale_socket(const sockaddr_un& address) {
    const Descriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
        return Error{ErrorCode::kConflict,
                     std::string(address.sun_path) + " is in use: is the program running already?"};
    struct stat status {};
    if (errno == ECONNREFUSED && lstat(address.sun_path, &status) == 0 && S_ISSOCK(status.st_mode))
        unlink(address.sun_path);
    return {};
}

Result<int> listen_unix(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return Error{ErrorCode::kReject, "the socket path " + path + " is too long (limit " +
                                             std::to_string(sizeof address.sun_path - 1) + ")"};
    std::memcpy(address.sun_path, path.c_str(), path.size());
    LB_TRY(remove_stale_socket(address));
    const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return system_error("opening a socket for", path, errno);
    if (bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
        chmod(path.c_str(), 0660) == 0 && listen(descriptor, kBacklog) == 0)
        return descriptor;
    const int failure = errno;
    close(descriptor);
    return system_error("listening on", path, failure);
}

std::uint16_t port_of(int descriptor) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length);
    if (address.ss_family == AF_INET6)
        return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
    if (address.ss_family == AF_INET)
        return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
    return 0;
}

}  // namespace

// Waits for the listening socket to become readable, then accepts all there are.
struct Listener::Implementation : std::enable_shared_from_this<Listener::Implementation> {
    Implementation(Loop& its_loop, int descriptor, ListenerOptions its_options)
        : loop(its_loop),
          options(std::move(its_options)),
          socket(its_loop.implementation().context, descriptor),
          port(port_of(descriptor)) {
        socket.non_blocking(true);
    }

    void wait();
    void accept_all();
    void accept(int descriptor);
    void make_room();
    void refuse(const std::string& who, const Error& why) const {
        if (options.on_refused) options.on_refused(who, why);
    }

    Loop& loop;
    ListenerOptions options;
    std::shared_ptr<tls::Credentials> credentials;  // null: Unix socket
    std::string path;                               // of a Unix socket
    boost::asio::posix::stream_descriptor socket;
    std::uint16_t port;
    bool is_closed = false;
    std::deque<std::weak_ptr<StreamConnection>> opening;  // oldest first; some are open by now
    std::shared_ptr<std::atomic<std::size_t>> connections =
        std::make_shared<std::atomic<std::size_t>>(0);
};

void Listener::Implementation::wait() {
    socket.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](const auto& failure) {
                          if (!failure && !self->is_closed) self->accept_all();
                      });
}

void Listener::Implementation::accept_all() {
    for (;;) {
        const int descriptor =
            accept4(socket.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (descriptor >= 0) {
            accept(descriptor);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EAGAIN) return wait();
        refuse("listener", system_error("accepting on", std::to_string(port), errno));
        loop.call_after(kAcceptAgain, [weak = weak_from_this()] {
            if (const auto self = weak.lock(); self && !self->is_closed) self->wait();
        });
        return;
    }
}

void Listener::Implementation::accept(int descriptor) {
    if (*connections >= options.connections_max) {
        ::close(descriptor);
        return refuse("a client",
                      Error{ErrorCode::kFull,
                            "there are " + std::to_string(*connections) + " connections already"});
    }
    auto stream = credentials ? accepted_tls_stream(loop, descriptor, credentials->server_context())
                              : accepted_unix_stream(loop, descriptor, path);
    if (!stream.ok()) return refuse("a client", stream.error());
    ++*connections;
    auto connection = std::make_shared<StreamConnection>(
        loop, std::move(stream).value(), options.limits, [count = connections] { --*count; });
    connection->open_accepted(options.make_handler, options.on_refused);
    opening.push_back(connection);
    if (opening.size() > options.opening_max) make_room();
}

void Listener::Implementation::make_room() {
    std::erase_if(opening, [](const std::weak_ptr<StreamConnection>& weak) {
        const auto connection = weak.lock();
        return connection == nullptr || !connection->is_opening();
    });
    if (opening.size() <= options.opening_max) return;
    if (const auto slowest = opening.front().lock())
        slowest->close(Error{ErrorCode::kFull, "too many shake hands at once: made room"});
    opening.pop_front();
}

Listener::Listener(std::shared_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {
    implementation_->loop.post([weak = std::weak_ptr(implementation_)] {
        if (const auto self = weak.lock()) self->wait();
    });
}

Listener::~Listener() {
    boost::system::error_code ignored;
    implementation_->is_closed = true;
    implementation_->socket.close(ignored);
    if (!implementation_->path.empty()) unlink(implementation_->path.c_str());
}

Result<std::unique_ptr<Listener>> Listener::open_tls(Loop& loop, const std::string& address,
                                                     std::uint16_t port,
                                                     std::shared_ptr<tls::Credentials> credentials,
                                                     ListenerOptions options) {
    LB_TRY_ASSIGN(const int descriptor, listen_tcp(address, port));
    return adopt_tls(loop, descriptor, std::move(credentials), std::move(options));
}

Result<std::unique_ptr<Listener>> Listener::adopt_tls(Loop& loop, int descriptor,
                                                      std::shared_ptr<tls::Credentials> credentials,
                                                      ListenerOptions options) {
    auto implementation = std::make_shared<Implementation>(loop, descriptor, std::move(options));
    implementation->credentials = std::move(credentials);
    return std::unique_ptr<Listener>(new Listener(std::move(implementation)));
}

Result<std::unique_ptr<Listener>> Listener::open_unix(Loop& loop, const std::string& path,
                                                      ListenerOptions options) {
    LB_TRY_ASSIGN(const int descriptor, listen_unix(path));
    auto implementation = std::make_shared<Implementation>(loop, descriptor, std::move(options));
    implementation->path = path;
    return std::unique_ptr<Listener>(new Listener(std::move(implementation)));
}

std::uint16_t Listener::port() const {
    return implementation_->port;
}

}  // namespace lb::net
