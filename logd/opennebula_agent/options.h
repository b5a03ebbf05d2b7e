// What lb-agent-opennebula is configured with. The table in options.cc has the defaults.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "common/config/config.h"

namespace lb::opennebula_agent {

struct AgentOptions {
    std::string events;     // of ZeroMQ
    std::string xmlrpc;     // URL
    std::string auth_file;  // "user:password" in its first line
    std::string scope;      // of the keys one-vmid:scope/N
    std::string host;
    std::chrono::seconds call_timeout{30};
    std::chrono::seconds resync_interval{300};  // 0: only when something may have been missed
    // Between a connection, or a change that does not follow from the last one, and the look: what
    // is on its way comes first.
    std::chrono::milliseconds settle_time{1'000};
    std::chrono::milliseconds backoff_first{200};
    std::chrono::milliseconds backoff_max{30'000};
};

std::span<const config::Option> option_table();
// kReject when an option cannot be.
Result<AgentOptions> options_of(const config::Config& config);

}  // namespace lb::opennebula_agent
