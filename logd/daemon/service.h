// lb-logd as a service of the daemon skeleton: directories, lock, socket, the server on its thread.
#pragma once

#include <memory>
#include <thread>

#include "common/app/daemon.h"
#include "logd/daemon/remote_door.h"
#include "logd/daemon/server.h"

namespace lb::logd {

// The program's row in the skeleton: name, options, messages, start().
app::Program logd_program();

class LogdService final : public app::Service {
  public:
    static Result<std::unique_ptr<app::Service>> start(const config::Config& config,
                                                       const app::Directories& directories);
    ~LogdService() override;

    void stop() override;
    Status reload(const config::Config& config) override;
    Result<bool> renew() override;
    [[nodiscard]] std::string status_json() const override;
    Result<std::string> control(std::string_view verb, std::string_view argument) override;
    [[nodiscard]] bool is_alive() const override { return server_->is_making_progress(); }

  private:
    LogdService(int lock, std::unique_ptr<Server> server, std::unique_ptr<RemoteDoor> door);

    int lock_;  // held as long as the service lives
    std::unique_ptr<Server> server_;
    std::unique_ptr<RemoteDoor> door_;  // null: nobody logs from elsewhere
    std::thread thread_;
};

}  // namespace lb::logd
