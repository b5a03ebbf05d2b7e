// lb-agent-guest as a service of the daemon skeleton.
#pragma once

#include <memory>

#include "common/app/daemon.h"
#include "logd/client/producer.h"
#include "logd/guest_agent/agent.h"

namespace lb::guest_agent {

app::Program agent_program();

class AgentService final : public app::Service {
  public:
    static Result<std::unique_ptr<app::Service>> start(const config::Config& config,
                                                       const app::Directories& directories);

    void stop() override { agent_.reset(); }
    Status reload(const config::Config&) override { return {}; }
    [[nodiscard]] std::string status_json() const override;
    Result<std::string> control(std::string_view verb, std::string_view argument) override;
    [[nodiscard]] bool is_alive() const override { return agent_->is_turning(); }

  private:
    explicit AgentService(AgentOptions options);

    client::Producer producer_;
    std::unique_ptr<Agent> agent_;
};

}  // namespace lb::guest_agent
