// lb-interlogd as a service of the daemon skeleton.
#pragma once

#include <memory>
#include <thread>

#include "common/app/daemon.h"
#include "interlogd/forwarder.h"
#include "interlogd/tls_link.h"

namespace lb::interlogd {

app::Program interlogd_program();

class ForwardService final : public app::Service {
  public:
    static Result<std::unique_ptr<app::Service>> start(const config::Config& config,
                                                       const app::Directories& directories);
    ~ForwardService() override;

    void stop() override;
    Status reload(const config::Config& config) override;
    Result<bool> renew() override;
    [[nodiscard]] std::string status_json() const override;
    Result<std::string> control(std::string_view verb, std::string_view argument) override;
    [[nodiscard]] bool is_alive() const override;

  private:
    ForwardService() = default;
    // Runs `task` in the loop's thread and waits for it.
    template <typename Task>
    auto in_loop(Task task) const;

    int lock_ = -1;  // held as long as the service lives
    std::shared_ptr<tls::Credentials> credentials_;
    std::uint32_t drain_ms_ = 0;
    mutable net::Loop loop_;
    std::unique_ptr<TlsLinkMaker> links_;
    std::unique_ptr<Forwarder> forwarder_;
    std::thread thread_;
};

}  // namespace lb::interlogd
