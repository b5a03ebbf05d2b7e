// The messages of lb-agent-libvirt.
#pragma once

#include <array>

#include "common/log/log.h"
#include "logd/agent/messages.h"

namespace lb::libvirt_agent {

inline constexpr log::Message kConnected{
    "LVA_CONNECTED", log::Level::kInfo, "connected to {}: {} domains",
    "What was found of each domain is logged as a look; from here on events follow."};
inline constexpr log::Message kNotConnected{
    "LVA_NOT_CONNECTED", log::Level::kWarning, "{}; next try in {} ms",
    "libvirtd is down or does not let us in. The agent goes on trying; the hook logs meanwhile."};
inline constexpr log::Message kDisconnected{
    "LVA_DISCONNECTED", log::Level::kWarning, "libvirt at {} went away",
    "libvirtd stopped or restarted. Guests run on; the next connection looks at all of them."};
inline constexpr log::Message kOverflow{
    "LVA_OVERFLOW", log::Level::kWarning, "{} events of libvirt came too fast and are lost",
    "The logger did not take events for long. A new look at all domains follows."};
inline constexpr auto kMessages =
    agent::with_shared(std::array{kConnected, kNotConnected, kDisconnected, kOverflow});

}  // namespace lb::libvirt_agent
