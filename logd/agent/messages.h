// Messages that the agents share; each has them in its list.
#pragma once

#include <algorithm>
#include <array>

#include "common/log/log.h"

namespace lb::agent {

inline constexpr log::Message kRefused{
    "AGT_REFUSED", log::Level::kError, "{} of {} is refused: {}",
    "lb-logd does not let this agent log: see sources and default_destination in logd.toml."};
inline constexpr log::Message kLoggerAway{
    "AGT_LOGGER_AWAY", log::Level::kWarning, "{} of {} waits: {}",
    "Neither lb-logd nor its drop directory takes events. The agent tries again."};
inline constexpr log::Message kLost{
    "AGT_LOST", log::Level::kError, "{} of {} is lost: {}",
    "The agent was stopped while the logger took nothing. Its next start looks at everything."};

inline constexpr std::array kMessages = {kRefused, kLoggerAway, kLost};

// An agent's own messages and those above.
template <std::size_t kCount>
constexpr std::array<log::Message, kCount + kMessages.size()> with_shared(
    const std::array<log::Message, kCount>& own) {
    std::array<log::Message, kCount + kMessages.size()> all{};
    std::copy(kMessages.begin(), kMessages.end(), std::copy(own.begin(), own.end(), all.begin()));
    return all;
}

}  // namespace lb::agent
