// What administrators ask of this server beside reading: its dead letters, rebuilds, its health.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "bkserver/book/book.h"
#include "bkserver/query/administration.h"

namespace lb::bkserver {

// Told by the composition root.
struct ServerFacts {
    std::string service;
    std::function<bool()> is_ready;
    std::function<nlohmann::ordered_json()> forwarders;
};

// Any thread.
class ServerAdministration : public query::Administration {
  public:
    // `database` and `policy` outlive it.
    ServerAdministration(store::Database& database, const book::Policy& policy,
                         book::BookOptions options, ServerFacts facts);

    Result<nlohmann::ordered_json> replay_dead_letter(std::uint64_t number) override;
    Status drop_dead_letter(std::uint64_t number) override;
    Result<std::uint32_t> rebuild(
        const query::RebuildQuestion& question,
        const std::function<void(const nlohmann::ordered_json&)>& on_row) override;
    nlohmann::ordered_json version() override;
    nlohmann::ordered_json health() override;
    std::string metrics() override;
    nlohmann::ordered_json forwarders() override;

  private:
    Result<book::Book*> opened_book();

    store::Database& database_;
    const book::Policy& policy_;
    const book::BookOptions options_;
    const ServerFacts facts_;
    std::mutex mutex_;  // of the book
    std::unique_ptr<book::Book> book_;
};

}  // namespace lb::bkserver
