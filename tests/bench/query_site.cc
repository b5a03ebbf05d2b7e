#include "tests/bench/query_site.h"

#include <filesystem>

#include "tests/bench/query_copies.h"

namespace lb::bench {

namespace {

constexpr std::uint32_t kLogFileMib = 2048;

std::unique_ptr<store::Database> open(store::mariadb::Dsn dsn) {
    return must(store::mariadb::MariadbDatabase::open({std::move(dsn), "bench", kService}));
}

bool is_empty(store::Database& database) {
    const auto reader = must(database.open_reader());
    return must(reader->search_processes({.limit = 1})).empty();
}

}  // namespace

QuerySite::QuerySite(const SiteOptions& options)
    : size(options.size), policy(authz::Policy::open_to_all(), {}) {
    if (options.directory.empty()) {
        dsn_ = test::PrivateMariadb::shared().fresh_dsn();
    } else {
        store::mariadb::PrivateServerOptions server;
        server.state_dir = options.directory;
        server.runtime_dir = runtime_dir_ = test::make_short_directory();
        server.buffer_pool_mib = options.buffer_pool_mib;
        server.log_file_mib = kLogFileMib;
        server_ = must(store::mariadb::PrivateServer::start(std::move(server)));
        dsn_ = server_->dsn("lb_bench");
    }
    fill_database();
    read_all();
    // Opened anew: numbers were taken behind the back of the one that filled it.
    database = open(dsn_);
}

QuerySite::~QuerySite() {
    database.reset();
    if (!server_) return;
    server_->stop();
    std::filesystem::remove_all(runtime_dir_);
}

std::unique_ptr<store::Database> QuerySite::empty_database() const {
    constexpr char kName[] = "lb_bench_empty";
    if (!server_) return open(test::PrivateMariadb::shared().fresh_dsn());
    store::mariadb::Connection connection(server_->dsn(""));
    must(connection.use());
    must(connection.run("DROP DATABASE IF EXISTS lb_bench_empty"));
    return open(server_->dsn(kName));
}

void QuerySite::fill_database() const {
    const bool is_fresh = is_empty(*open(dsn_));
    if (is_fresh) fill(*open(dsn_), policy, size);
    // Keys of large tables are built over it.
    store::mariadb::Connection connection(dsn_, store::mariadb::kTableChangeTimeout);
    must(connection.use());
    if (is_half_multiplied(connection) || (is_fresh && size.copies > 1)) multiply(connection, size);
}

// Pages of indices and registers come into memory, where a server that has run for a while has
// them.
void QuerySite::read_all() const {
    store::mariadb::Connection connection(dsn_, store::mariadb::kTableChangeTimeout);
    must(connection.use());
    for (const char* const sql :
         {"SELECT COUNT(*) FROM event FORCE INDEX (event_id) WHERE event_id > ''",
          "SELECT COUNT(*) FROM event FORCE INDEX (subject) WHERE subject > 0",
          "SELECT COUNT(*) FROM event FORCE INDEX (time_us) WHERE time_us > 0",
          "SELECT COUNT(*) FROM subject FORCE INDEX (text) WHERE name > ''",
          "SELECT SUM(LENGTH(registers)) FROM process"})
        must(connection.query(sql, {}));
}

}  // namespace lb::bench
