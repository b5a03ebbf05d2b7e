// The server and the database that bench_query asks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bkserver/authz/policy.h"
#include "bkserver/store/mariadb/private_server.h"
#include "tests/bench/query_lives.h"

namespace lb::bench {

struct SiteOptions {
    Size size;
    // Where the database is kept and found again; empty: it is a small one and gone afterwards.
    std::string directory;
    std::uint32_t buffer_pool_mib = 8192;
};

class QuerySite {
  public:
    // Fills the database unless it is full already; what was begun and ended is gone on with.
    explicit QuerySite(const SiteOptions& options);
    ~QuerySite();
    QuerySite(const QuerySite&) = delete;
    QuerySite& operator=(const QuerySite&) = delete;

    [[nodiscard]] const store::mariadb::Dsn& dsn() const { return dsn_; }
    // Of the same server; there is nothing in it.
    std::unique_ptr<store::Database> empty_database() const;

    const Size size;
    const authz::Policy policy;
    std::unique_ptr<store::Database> database;

  private:
    void fill_database() const;
    void read_all() const;

    std::string runtime_dir_;
    std::unique_ptr<store::mariadb::PrivateServer> server_;  // none: the shared one of tests
    store::mariadb::Dsn dsn_;
};

}  // namespace lb::bench
