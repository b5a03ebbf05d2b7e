// What lb-agent-guest is configured with. The table in options.cc has the defaults.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "common/config/config.h"
#include "logd/guest_agent/channel_places.h"

namespace lb::guest_agent {

struct AgentOptions {
    std::string host;
    PlaceOptions places;
    std::int64_t lines_per_second = 20;
    std::uint32_t vsock_port = 0;  // 0: guests do not come in by vsock
};

std::span<const config::Option> option_table();
Result<AgentOptions> options_of(const config::Config& config);

}  // namespace lb::guest_agent
