// lb-agent-guest: see agent.h.
#include "logd/guest_agent/agent.h"
#include "logd/guest_agent/messages.h"

namespace lb::guest_agent {

namespace {

Status check(const config::Config& config) {
    LB_TRY(options_of(config));
    return {};
}

Result<std::unique_ptr<agent::Agent>> start(const config::Config& config, const app::Directories&,
                                            agent::Sink sink) {
    LB_TRY_ASSIGN(AgentOptions options, options_of(config));
    return std::unique_ptr<agent::Agent>(
        std::make_unique<Agent>(std::move(options), std::move(sink), metrics::Registry::global()));
}

}  // namespace

}  // namespace lb::guest_agent

int main(int argc, char** argv) {
    using namespace lb;
    return app::run_program(
        agent::program_of(
            {.name = "lb-agent-guest",
             .summary = "logs what the guests of this host say on their channels (lb-guest)",
             .options = guest_agent::option_table(),
             .messages = guest_agent::kMessages,
             .directories = {"/run/lb-agent-guest", "/run/lb-agent-guest"},
             .speaks_for_guests = true,
             .check = guest_agent::check,
             .start = guest_agent::start}),
        argc, argv);
}
