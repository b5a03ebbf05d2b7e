#include "logd/guest_agent/service.h"

#include <nlohmann/json.hpp>

#include "common/base/json_line.h"
#include "logd/guest_agent/messages.h"

namespace lb::guest_agent {

app::Program agent_program() {
    app::Program program;
    program.name = "lb-agent-guest";
    program.summary = "logs what the guests of this host say on their channels (lb-guest)";
    program.options = option_table();
    program.messages = kMessages;
    program.default_directories = {"/run/lb-agent-guest", "/run/lb-agent-guest"};
    program.start = &AgentService::start;
    return program;
}

AgentService::AgentService(AgentOptions options) : producer_(options.producer) {
    const auto sink = [this](std::string_view key, const event::Event& event,
                             std::string_view event_id) -> Status {
        const auto logged = producer_.log(key, event, false, event_id);
        return logged.ok() ? Status() : Status(logged.error());
    };
    agent_ = std::make_unique<Agent>(std::move(options), sink, metrics::Registry::global());
}

Result<std::unique_ptr<app::Service>> AgentService::start(const config::Config& config,
                                                          const app::Directories&) {
    LB_TRY_ASSIGN(AgentOptions options, options_of(config));
    return std::unique_ptr<app::Service>(new AgentService(std::move(options)));
}

std::string AgentService::status_json() const {
    return json_line(nlohmann::ordered_json{{"daemon", "lb-agent-guest"},
                                            {"version", LB_VERSION},
                                            {"channels", agent_->channels()},
                                            {"logged", agent_->logged()},
                                            {"refused", agent_->refused()}});
}

Result<std::string> AgentService::control(std::string_view verb, std::string_view) {
    return Error{ErrorCode::kReject, "lb-agent-guest has no verb \"" + std::string(verb) +
                                         "\"; it has status, metrics"};
}

}  // namespace lb::guest_agent
