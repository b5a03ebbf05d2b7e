#include "logd/libvirt_agent/service.h"

#include <nlohmann/json.hpp>

#include "common/base/json_line.h"
#include "logd/libvirt_agent/messages.h"

namespace lb::libvirt_agent {

app::Program agent_program() {
    app::Program program;
    program.name = "lb-agent-libvirt";
    program.summary = "logs what libvirt tells of the virtual machines of this host";
    program.options = option_table();
    program.messages = kMessages;
    program.default_directories = {"/run/lb-agent-libvirt", "/run/lb-agent-libvirt"};
    program.start = &AgentService::start;
    return program;
}

AgentService::AgentService(AgentOptions options)
    : uri_(options.uri), host_(options.host), producer_(std::move(options.producer)) {}

Result<std::unique_ptr<app::Service>> AgentService::start(const config::Config& config,
                                                          const app::Directories&) {
    LB_TRY_ASSIGN(AgentOptions options, options_of(config));
    std::unique_ptr<AgentService> service(new AgentService(options));
    LB_TRY_ASSIGN(service->loop_, EventLoop::start());
    const auto sink = [raw = service.get()](std::string_view subject,
                                            const event::Event& event) -> Status {
        const auto logged = raw->producer_.log(subject, event, false);
        return logged.ok() ? Status() : Status(logged.error());
    };
    service->agent_ =
        std::make_unique<Agent>(std::move(options), sink, metrics::Registry::global());
    return std::unique_ptr<app::Service>(std::move(service));
}

std::string AgentService::status_json() const {
    return json_line(nlohmann::ordered_json{{"daemon", "lb-agent-libvirt"},
                                            {"version", LB_VERSION},
                                            {"uri", uri_},
                                            {"host", host_},
                                            {"connected", agent_->is_connected()},
                                            {"looks", agent_->looks()},
                                            {"logged", agent_->logged()},
                                            {"failed", agent_->failed()},
                                            {"queued", agent_->queued()}});
}

Result<std::string> AgentService::control(std::string_view verb, std::string_view) {
    return Error{ErrorCode::kReject, "lb-agent-libvirt has no verb \"" + std::string(verb) +
                                         "\"; it has status, metrics"};
}

}  // namespace lb::libvirt_agent
