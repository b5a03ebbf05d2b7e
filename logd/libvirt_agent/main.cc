// lb-agent-libvirt: see agent.h.
#include "logd/libvirt_agent/agent.h"
#include "logd/libvirt_agent/messages.h"

namespace lb::libvirt_agent {

namespace {

Status check(const config::Config& config) {
    LB_TRY(options_of(config));
    return {};
}

Result<std::unique_ptr<agent::Agent>> start(const config::Config& config, const app::Directories&,
                                            agent::Sink sink) {
    LB_TRY_ASSIGN(AgentOptions options, options_of(config));
    LB_TRY_ASSIGN(auto loop, EventLoop::start());
    return std::unique_ptr<agent::Agent>(std::make_unique<Agent>(
        std::move(loop), std::move(options), std::move(sink), metrics::Registry::global()));
}

}  // namespace

}  // namespace lb::libvirt_agent

int main(int argc, char** argv) {
    using namespace lb;
    return app::run_program(
        agent::program_of(
            {.name = "lb-agent-libvirt",
             .summary = "logs what libvirt tells of the virtual machines of this host",
             .options = libvirt_agent::option_table(),
             .messages = libvirt_agent::kMessages,
             .directories = {"/run/lb-agent-libvirt", "/run/lb-agent-libvirt"},
             .check = libvirt_agent::check,
             .start = libvirt_agent::start}),
        argc, argv);
}
