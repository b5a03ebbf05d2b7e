#include "common/app/control.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/app/messages.h"
#include "common/base/guard.h"

namespace lb::app {

namespace {

constexpr std::size_t kRequestBytesMax = 4096;
constexpr std::size_t kAnswerBytesMax = 16 * 1024 * 1024;
constexpr int kPeerTimeoutMs = 2000;
// When the process is out of descriptors, accepting again at once would only spin.
constexpr int kAcceptAgainMs = 100;

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path))
        return Error{ErrorCode::kReject,
                     "the path of a Unix socket must be shorter than 108 bytes: " + path +
                         "; choose a shorter --runtime-dir"};
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

bool is_ready(int descriptor, short events, int timeout_ms) {
    pollfd waited{descriptor, events, 0};
    return poll(&waited, 1, timeout_ms) > 0;
}

bool send_all(int socket, std::string_view bytes, int timeout_ms) {
    while (!bytes.empty()) {
        if (!is_ready(socket, POLLOUT, timeout_ms)) return false;
        const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

// Up to the first line end; false when the peer says too much or nothing in time.
bool receive_line(int socket, std::string& line, std::size_t bytes_max, int timeout_ms) {
    std::array<char, 4096> buffer{};
    while (line.find('\n') == std::string::npos) {
        if (line.size() > bytes_max || !is_ready(socket, POLLIN, timeout_ms)) return false;
        const ssize_t got = recv(socket, buffer.data(), buffer.size(), 0);
        if (got <= 0) return !line.empty() && got == 0;
        line.append(buffer.data(), static_cast<std::size_t>(got));
    }
    line.resize(line.find('\n'));
    return true;
}

}  // namespace

Result<std::unique_ptr<ControlSocket>> ControlSocket::open(const std::string& path, Answer answer) {
    LB_TRY_ASSIGN(const sockaddr_un address, address_of(path));
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0) return system_error("creating", "a socket", errno);
    unlink(path.c_str());
    const bool is_listening =
        bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
        chmod(path.c_str(), 0600) == 0 && listen(listener, 16) == 0;
    if (!is_listening) {
        const Error error = system_error("listening at", path, errno);
        close(listener);
        return error;
    }
    return std::unique_ptr<ControlSocket>(new ControlSocket(listener, path, std::move(answer)));
}

ControlSocket::ControlSocket(int listener, std::string path, Answer answer)
    : listener_(listener),
      wake_(eventfd(0, EFD_CLOEXEC)),
      path_(std::move(path)),
      answer_(std::move(answer)),
      thread_([this] { serve(); }) {}

ControlSocket::~ControlSocket() {
    eventfd_write(wake_, 1);
    thread_.join();
    close(listener_);
    close(wake_);
    unlink(path_.c_str());
}

void ControlSocket::serve() {
    for (;;) {
        std::array<pollfd, 2> waited{{{listener_, POLLIN, 0}, {wake_, POLLIN, 0}}};
        if (poll(waited.data(), waited.size(), -1) < 0 && errno != EINTR) return;
        if (waited[1].revents != 0) return;
        if (waited[0].revents == 0) continue;
        const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection < 0) {
            is_ready(wake_, POLLIN, kAcceptAgainMs);
            continue;
        }
        const Status served = guarded([&] { serve_one(connection); });
        if (!served.ok()) log::write(kDefect, "a control command", served.error().text);
        close(connection);
    }
}

void ControlSocket::serve_one(int connection) {
    std::string line;
    if (!receive_line(connection, line, kRequestBytesMax, kPeerTimeoutMs)) return;
    const std::size_t blank = line.find(' ');
    const std::string_view verb = std::string_view(line).substr(0, blank);
    const std::string_view argument =
        blank == std::string::npos ? std::string_view{} : std::string_view(line).substr(blank + 1);
    send_all(connection, answer_(verb, argument) + "\n", kPeerTimeoutMs);
}

Result<std::string> ask_control(const std::string& path, std::string_view line, int timeout_ms) {
    LB_TRY_ASSIGN(const sockaddr_un address, address_of(path));
    const int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0) return system_error("creating", "a socket", errno);
    std::string answer;
    Status status;
    if (connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        status = system_error("connecting to", path, errno);
    else if (!send_all(connection, std::string(line) + "\n", timeout_ms) ||
             !receive_line(connection, answer, kAnswerBytesMax, timeout_ms))
        status = Error{ErrorCode::kTimeout, path + " does not answer"};
    close(connection);
    if (!status.ok()) return status.error();
    return answer;
}

}  // namespace lb::app
