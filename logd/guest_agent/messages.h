// The messages of lb-agent-guest.
#pragma once

#include <array>

#include "common/log/log.h"

namespace lb::guest_agent {

inline constexpr log::Message kOpened{"GSA_OPENED", log::Level::kInfo, "channel {} of {} is open",
                                      "What this machine's guest says is logged from here on."};
inline constexpr log::Message kClosed{"GSA_CLOSED", log::Level::kInfo, "channel {} of {} has ended",
                                      "The machine stopped or moved to another host."};
inline constexpr log::Message kRefused{
    "GSA_REFUSED", log::Level::kWarning, "a line of {} is refused: {}",
    "The guest says what it may not, or speaks another protocol; it was told the same. If the text "
    "names lb-logd: see sources and default_destination in logd.toml."};

inline constexpr log::Message kNoVsock{
    "GSA_NO_VSOCK", log::Level::kInfo, "no guests by vsock: {}",
    "They speak by virtio-serial. vsock needs the module vhost_vsock and a device in the domain."};
inline constexpr log::Message kStranger{
    "GSA_STRANGER", log::Level::kWarning, "vsock context {} belongs to no running domain",
    "Something speaks by vsock that libvirt_states does not know; it is not listened to."};

inline constexpr std::array kMessages = {kOpened, kClosed, kRefused, kNoVsock, kStranger};

}  // namespace lb::guest_agent
