// Where guests come in by vsock: the kernel proves the context id that a connection comes from, and
// libvirt's state of running domains says whose it is.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace lb::guest_agent {

struct VsockGuest {
    int descriptor = -1;  // the caller's to close
    std::uint32_t cid = 0;
};

class VsockDoor {
  public:
    // kNotFound: this kernel has no vsock.
    static Result<std::unique_ptr<VsockDoor>> open(std::uint32_t port);
    ~VsockDoor();
    VsockDoor(const VsockDoor&) = delete;
    VsockDoor& operator=(const VsockDoor&) = delete;

    [[nodiscard]] int descriptor() const { return descriptor_; }
    // Nothing when nobody is waiting.
    std::optional<VsockGuest> accept();

  private:
    explicit VsockDoor(int descriptor) : descriptor_(descriptor) {}

    int descriptor_;
};

}  // namespace lb::guest_agent
