#include "logd/libvirt_agent/options.h"

#include "logd/agent/service.h"

namespace lb::libvirt_agent {

namespace {

using config::Kind;
using config::Option;

// clang-format off
constexpr Option kOptions[] = {
    {"uri", Kind::kText, "qemu:///system", "where libvirt is: qemu:///system, qemu:///session, test:///default, ..."},
    {"heartbeat_seconds", Kind::kInteger, "60", "seconds between heartbeats of this host; 0: none", 0, 86'400},
    {"guest_agent", Kind::kBoolean, "true", "a qemu guest agent that connects shows that the guest's system is up"},
    {"backoff_first_ms", Kind::kInteger, "200", "ms: cap of the first wait when libvirt does not answer; it doubles", 1, 3'600'000},
    {"backoff_max_ms", Kind::kInteger, "10000", "ms: cap of the longest wait", 1, 3'600'000},
};
// clang-format on

}  // namespace

std::span<const Option> option_table() {
    static const std::vector<Option> table = agent::with_logger_options(kOptions);
    return table;
}

Result<AgentOptions> options_of(const config::Config& config) {
    AgentOptions options;
    options.uri = config.text("uri");
    options.host = agent::host_of(config);
    options.heartbeat_seconds = config.integer("heartbeat_seconds");
    options.is_guest_agent_believed = config.boolean("guest_agent");
    options.backoff_first_ms = config.integer("backoff_first_ms");
    options.backoff_max_ms = config.integer("backoff_max_ms");
    if (options.backoff_first_ms > options.backoff_max_ms)
        return Error{ErrorCode::kReject, "backoff_first_ms is more than backoff_max_ms"};
    return options;
}

}  // namespace lb::libvirt_agent
