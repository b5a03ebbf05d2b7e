// The messages of lb-agent-libvirt.
#pragma once

#include <array>

#include "common/log/log.h"

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
inline constexpr log::Message kRefused{
    "LVA_REFUSED", log::Level::kError, "{} of {} is refused: {}",
    "lb-logd does not let this agent log: see sources and default_destination in logd.toml."};
inline constexpr log::Message kLoggerAway{
    "LVA_LOGGER_AWAY", log::Level::kWarning, "{} of {} waits: {}",
    "Neither lb-logd nor its drop directory takes events. The agent tries again."};
inline constexpr log::Message kLost{
    "LVA_LOST", log::Level::kError, "{} of {} is lost: {}",
    "The agent was stopped while the logger took nothing. Its next start looks at all domains."};

inline constexpr std::array kMessages = {kConnected, kNotConnected, kDisconnected, kOverflow,
                                         kRefused,   kLoggerAway,   kLost};

}  // namespace lb::libvirt_agent
