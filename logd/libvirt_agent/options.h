// What lb-agent-libvirt is configured with. The table in options.cc has the defaults.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "common/config/config.h"

namespace lb::libvirt_agent {

struct AgentOptions {
    std::string uri = "qemu:///system";
    std::string host;                    // as the libvirt hook says it: the system's host name
    std::int64_t heartbeat_seconds = 0;  // of the host; 0: none
    bool is_guest_agent_believed = true;
    std::int64_t backoff_first_ms = 200;
    std::int64_t backoff_max_ms = 10'000;
};

std::span<const config::Option> option_table();
// kReject when options contradict each other.
Result<AgentOptions> options_of(const config::Config& config);

}  // namespace lb::libvirt_agent
