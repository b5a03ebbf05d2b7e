// lb-agent-opennebula: see agent.h.
#include "logd/opennebula_agent/agent.h"
#include "logd/opennebula_agent/http_transport.h"
#include "logd/opennebula_agent/messages.h"

namespace lb::opennebula_agent {

namespace {

constexpr std::size_t kAuthBytesMax = 4096;

Result<std::string> session_of(const std::string& path) {
    const auto text = env::read_file(env::posix_env(), path, kAuthBytesMax);
    if (!text.ok())
        return Error{ErrorCode::kReject, "auth_file: " + text.error().text +
                                             "; it holds user:password of who asks OpenNebula"};
    return text->substr(0, text->find_first_of("\r\n"));
}

Status check(const config::Config& config) {
    LB_TRY_ASSIGN(const AgentOptions options, options_of(config));
    LB_TRY(session_of(options.auth_file));
    LB_TRY(Subscriber::open(options.events));
    return {};
}

Result<std::unique_ptr<agent::Agent>> start(const config::Config& config,
                                            const app::Directories& directories, agent::Sink sink) {
    LB_TRY_ASSIGN(AgentOptions options, options_of(config));
    LB_TRY_ASSIGN(std::string session, session_of(options.auth_file));
    LB_TRY_ASSIGN(auto subscriber, Subscriber::open(options.events));
    LB_TRY_ASSIGN(auto machines,
                  KnownMachines::open(env::posix_env(), directories.state + "/machines"));
    const std::stop_source stop;
    Cloud cloud(http_transport(options.xmlrpc, options.call_timeout, stop.get_token()),
                std::move(session));
    Agent::Parts parts{std::move(subscriber), std::move(cloud), std::move(machines), stop};
    return std::unique_ptr<agent::Agent>(std::make_unique<Agent>(
        std::move(options), std::move(parts), std::move(sink), metrics::Registry::global()));
}

}  // namespace

}  // namespace lb::opennebula_agent

int main(int argc, char** argv) {
    using namespace lb;
    return app::run_program(
        agent::program_of(
            {.name = "lb-agent-opennebula",
             .summary = "logs what OpenNebula tells of its virtual machines and hosts",
             .options = opennebula_agent::option_table(),
             .messages = opennebula_agent::kMessages,
             .directories = {"/var/lib/lb-agent-opennebula", "/run/lb-agent-opennebula"},
             .check = opennebula_agent::check,
             .start = opennebula_agent::start}),
        argc, argv);
}
