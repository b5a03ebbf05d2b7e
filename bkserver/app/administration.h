// What administrators ask of this server beside reading: its dead letters, rebuilds, its health.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "bkserver/authz/token_book.h"
#include "bkserver/book/book.h"
#include "bkserver/query/administration.h"

namespace lb::bkserver {

// Told by the composition root.
struct ServerFacts {
    std::string service;
    std::uint32_t slow_query_ms = 0;  // queries that take longer are written down; 0: none
    std::function<bool()> is_ready;
    std::function<nlohmann::ordered_json()> forwarders;
};

// Any thread.
class ServerAdministration : public query::Administration {
  public:
    // `database`, `policy` and `tokens` outlive it.
    ServerAdministration(store::Database& database, const book::Policy& policy,
                         authz::TokenBook& tokens, book::BookOptions options, ServerFacts facts);

    Result<nlohmann::ordered_json> replay_dead_letter(std::uint64_t number) override;
    Status drop_dead_letter(std::uint64_t number) override;
    Result<std::uint32_t> rebuild(
        const query::RebuildQuestion& question,
        const std::function<void(const nlohmann::ordered_json&)>& on_row) override;
    Result<std::string> issue_token(store::Token& token) override;
    Status revoke_token(store::Token token) override;
    void audit(const lb::v1::Identity& who, std::string_view act, std::string_view what,
               std::string_view reason) override;
    void note_query(const lb::v1::Identity& who, std::string_view query,
                    std::chrono::milliseconds took) override;
    nlohmann::ordered_json version() override;
    nlohmann::ordered_json health() override;
    std::string metrics() override;
    nlohmann::ordered_json forwarders() override;

  private:
    Result<book::Book*> opened_book();
    [[nodiscard]] std::string process_of(const std::string& name) const;

    store::Database& database_;
    const book::Policy& policy_;
    authz::TokenBook& tokens_;
    const book::BookOptions options_;
    const ServerFacts facts_;
    std::mutex mutex_;  // of the book
    std::unique_ptr<book::Book> book_;
};

}  // namespace lb::bkserver
