#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "logd/client/line.h"

namespace lb::client {

namespace {

// Waits until the socket is ready for `events`; kTimeout when the deadline passes first.
Status wait_for(int socket, short events, const Deadline& deadline) {
    for (;;) {
        const int left_ms = deadline.left_ms();
        if (left_ms <= 0) return Error{ErrorCode::kTimeout, "the logger did not answer in time"};
        pollfd waited{socket, events, 0};
        const int ready = poll(&waited, 1, left_ms);
        if (ready > 0) return {};
        if (ready < 0 && errno != EINTR) return system_error("waiting for", "the logger", errno);
    }
}

class LocalLine final : public Line {
  public:
    LocalLine(int socket, std::string path) : socket_(socket), path_(std::move(path)) {}
    ~LocalLine() override { close(socket_); }

    Status connect(const Deadline& deadline);
    Status send(std::string_view bytes, const Deadline& deadline) override;
    Result<std::size_t> receive(char* target, std::size_t bytes, const Deadline& deadline) override;

  private:
    [[nodiscard]] Error broken(const char* doing) const {
        return {ErrorCode::kRetry, system_error(doing, path_, errno).text};
    }

    int socket_;
    std::string path_;
};

Status LocalLine::connect(const Deadline& deadline) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof(address.sun_path))
        return Error{ErrorCode::kReject, "the socket's path is too long: " + path_};
    std::memcpy(address.sun_path, path_.data(), path_.size());
    while (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        // EAGAIN: the logger's queue of connections is full; it says nothing when that changes.
        if (errno != EAGAIN && errno != EINTR)
            return system_error("connecting to the logger at", path_, errno);
        if (deadline.left_ms() <= 0)
            return Error{ErrorCode::kTimeout, "the logger takes no connection"};
        usleep(1000);
    }
    return {};
}

Status LocalLine::send(std::string_view bytes, const Deadline& deadline) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        else if (errno == EAGAIN)
            LB_TRY(wait_for(socket_, POLLOUT, deadline));
        else if (errno != EINTR)
            return broken("sending to");
    }
    return {};
}

Result<std::size_t> LocalLine::receive(char* target, std::size_t bytes, const Deadline& deadline) {
    for (;;) {
        LB_TRY(wait_for(socket_, POLLIN, deadline));
        const ssize_t got = recv(socket_, target, bytes, 0);
        if (got == 0) return Error{ErrorCode::kRetry, "the logger closed the connection"};
        if (got > 0) return static_cast<std::size_t>(got);
        if (errno != EAGAIN && errno != EINTR) return broken("receiving from");
    }
}

}  // namespace

Result<std::unique_ptr<Line>> open_local_line(const std::string& socket_path,
                                              const Deadline& deadline) {
    const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return system_error("creating", "a socket", errno);
    auto line = std::make_unique<LocalLine>(descriptor, socket_path);
    LB_TRY(line->connect(deadline));
    return std::unique_ptr<Line>(std::move(line));
}

}  // namespace lb::client
