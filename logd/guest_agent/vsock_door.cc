#include "logd/guest_agent/vsock_door.h"

#include <sys/socket.h>
// Needs sockaddr of the line above.
#include <linux/vm_sockets.h>
#include <unistd.h>

#include <cerrno>

namespace lb::guest_agent {

namespace {

constexpr int kBacklog = 64;

}  // namespace

Result<std::unique_ptr<VsockDoor>> VsockDoor::open(std::uint32_t port) {
    const int descriptor = ::socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return Error{ErrorCode::kNotFound, "this kernel has no vsock"};
    std::unique_ptr<VsockDoor> door(new VsockDoor(descriptor));
    sockaddr_vm address{};
    address.svm_family = AF_VSOCK;
    address.svm_cid = VMADDR_CID_ANY;
    address.svm_port = port;
    if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(descriptor, kBacklog) != 0)
        return system_error("listening at", "vsock port " + std::to_string(port), errno);
    return door;
}

VsockDoor::~VsockDoor() {
    ::close(descriptor_);
}

std::optional<VsockGuest> VsockDoor::accept() {
    sockaddr_vm peer{};
    socklen_t size = sizeof peer;
    const int descriptor = ::accept4(descriptor_, reinterpret_cast<sockaddr*>(&peer), &size,
                                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return std::nullopt;
    return VsockGuest{descriptor, peer.svm_cid};
}

}  // namespace lb::guest_agent
