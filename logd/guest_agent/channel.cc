#include "logd/guest_agent/channel.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "logd/guest_agent/channel_line.h"

namespace lb::guest_agent {

namespace {

// The path of a socket may be longer than an address takes: it is reached through its directory.
int connect_in(int directory, const std::string& socket_name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = "/proc/self/fd/" + std::to_string(directory) + "/" + socket_name;
    if (path.size() >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
        return descriptor;
    const int problem = errno;
    ::close(descriptor);
    errno = problem;
    return -1;
}

}  // namespace

Result<std::unique_ptr<Channel>> Channel::open(const ChannelPlace& place) {
    const int directory = ::open(place.directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return system_error("opening", place.directory, errno);
    const int descriptor = connect_in(directory, place.socket);
    const int problem = errno;
    ::close(directory);
    if (descriptor < 0)
        return system_error("connecting to", place.directory + "/" + place.socket, problem);
    return std::unique_ptr<Channel>(new Channel(descriptor, place.key));
}

std::unique_ptr<Channel> Channel::adopt(int descriptor, std::string key) {
    return std::unique_ptr<Channel>(new Channel(descriptor, std::move(key)));
}

Channel::~Channel() {
    ::close(descriptor_);
}

bool Channel::read(const std::function<std::string(std::string_view line)>& take) {
    std::array<char, kLineBytesMax> bytes{};
    const ssize_t count = ::recv(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count == 0) return false;
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    buffer_.append(bytes.data(), static_cast<std::size_t>(count));
    cut(take);
    return true;
}

// The invariant: what stays in the buffer is shorter than a line may be.
void Channel::cut(const std::function<std::string(std::string_view line)>& take) {
    std::string_view rest = buffer_;
    for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(end + 1);
        if (std::exchange(is_skipping_, false) || line.empty()) continue;
        ++lines_;
        send(take(line));
    }
    if (rest.size() > kLineBytesMax) {
        if (!is_skipping_) send(answer("-", "refused", "the line is too long"));
        is_skipping_ = true;
        rest = {};
    }
    buffer_.assign(rest);
}

// An answer that does not fit is the guest's loss: it does not read, and asks again.
void Channel::send(std::string_view answer) const {
    (void)::send(descriptor_, answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

std::uint64_t Channel::take_count() {
    return std::exchange(lines_, 0);
}

}  // namespace lb::guest_agent
