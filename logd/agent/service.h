// What the agents of a host have in common as services of the daemon skeleton: each logs through
// the host's logger, answers `status` and `metrics`, has no verb of its own and nothing to reload.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "common/app/daemon.h"
#include "common/config/config.h"
#include "logd/agent/event_log.h"
#include "logd/client/producer.h"

namespace lb::agent {

// Runs from its construction to its destruction.
class Agent {
  public:
    Agent() = default;
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;
    virtual ~Agent() = default;

    // What `status` says beside the name and the version.
    [[nodiscard]] virtual nlohmann::ordered_json status() const = 0;
    // True while it makes progress: feeds systemd's watchdog.
    [[nodiscard]] virtual bool is_alive() const { return true; }
};

// Builds an agent that logs through `sink`.
using Start = std::function<Result<std::unique_ptr<Agent>>(
    const config::Config& config, const app::Directories& directories, Sink sink)>;

struct Description {
    std::string_view name;  // "lb-agent-libvirt"
    std::string_view summary;
    std::span<const config::Option> options;  // with_logger_options()
    std::span<const log::Message> messages;
    app::Directories directories;
    bool speaks_for_guests = false;  // as in client::ProducerOptions
    // What --check-config looks at beyond the table of options.
    std::function<Status(const config::Config&)> check;
    Start start;
};

app::Program program_of(const Description& description);

// The agent's own options, and those of how it logs: host, socket, drop_dir.
std::vector<config::Option> with_logger_options(std::span<const config::Option> own);

// The option "host", or the system's name.
std::string host_of(const config::Config& config);
// The environment's, as the options "socket" and "drop_dir" change them.
client::ProducerOptions producer_options_of(const config::Config& config);

}  // namespace lb::agent
