// lb-bkserver put together: database, book and lanes, doors, queries. The order of the members is
// the order in which they need each other; stop() takes them down from the outside in, so that
// nothing is acknowledged that is not committed.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "bkserver/app/administration.h"
#include "bkserver/app/answer_pool.h"
#include "bkserver/app/change_feed.h"
#include "bkserver/app/doors.h"
#include "bkserver/app/options.h"
#include "bkserver/app/settling.h"
#include "bkserver/app/watch.h"
#include "bkserver/authz/policy.h"
#include "bkserver/ingest/lanes.h"
#include "bkserver/store/mariadb/database.h"
#include "bkserver/store/mariadb/private_server.h"
#include "common/app/daemon.h"
#include "common/net/listener.h"

namespace lb::bkserver {

app::Program bkserver_program();

class ServerService : public app::Service {
  public:
    static Result<std::unique_ptr<app::Service>> start(const config::Config& config,
                                                       const app::Directories& directories);
    ~ServerService() override;

    void stop() override;
    Status reload(const config::Config& config) override;
    Result<bool> renew() override;
    [[nodiscard]] std::string status_json() const override;
    Result<std::string> control(std::string_view verb, std::string_view argument) override;
    [[nodiscard]] bool is_alive() const override;

    // Where it listens; 0 without a network.
    [[nodiscard]] std::uint16_t port() const;

  private:
    ServerService(ServerOptions options, authz::RuleSet rules);
    Status open_database();
    Status open_rooms();
    Status open_doors();
    void serve();
    void tick();
    [[nodiscard]] bool is_ready() const;

    const ServerOptions options_;
    std::unique_ptr<store::mariadb::PrivateServer> private_server_;
    std::unique_ptr<store::mariadb::MariadbDatabase> database_;
    std::mutex token_reader_mutex_;
    std::unique_ptr<store::Reader> token_reader_;
    authz::TokenBook tokens_;
    authz::Policy policy_;
    ingest::Stamper stamper_;
    std::unique_ptr<ingest::Lanes> lanes_;
    std::unique_ptr<ServerAdministration> administration_;
    std::unique_ptr<AnswerPool> queries_;
    std::unique_ptr<AnswerPool> http_pool_;
    std::unique_ptr<ChangeFeed> changes_;
    std::unique_ptr<HttpDesk> http_desk_;
    std::unique_ptr<HttpDoor> http_door_;
    std::unique_ptr<Doors> doors_;
    std::unique_ptr<Watch> watch_;
    std::unique_ptr<Settling> settling_;
    std::shared_ptr<tls::Credentials> credentials_;
    net::Loop loop_;
    std::unique_ptr<net::Listener> network_;
    std::unique_ptr<net::Listener> local_;
    std::atomic<std::uint64_t> ticked_at_us_ = 0;
    std::uint32_t ticks_ = 0;
    std::thread thread_;
    bool is_stopped_ = false;
};

}  // namespace lb::bkserver
