#include "bkserver/store/mariadb/migration.h"

#include <openssl/rand.h>

#include <array>
#include <charconv>
#include <string>

#include "bkserver/store/mariadb/connection.h"

namespace lb::store::mariadb {

namespace {

constexpr std::string_view kCreateMeta =
    "CREATE TABLE IF NOT EXISTS meta (name VARBINARY(64) NOT NULL, value VARBINARY(1024) NOT NULL, "
    "PRIMARY KEY (name)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC";
// Held by the connection: whoever dies lets go of it.
constexpr std::string_view kLock = "SELECT GET_LOCK(CONCAT('lb_schema_', DATABASE()), 60)";
constexpr std::string_view kUnlock = "SELECT RELEASE_LOCK(CONCAT('lb_schema_', DATABASE()))";

Status create_database(Dsn dsn) {
    const std::string name = dsn.database;
    if (name.find('`') != std::string::npos)
        return Error{ErrorCode::kReject, "database name " + name + " has a backquote"};
    dsn.database.clear();
    Connection connection(dsn);
    LB_TRY(connection.use());
    Status created = connection.run("CREATE DATABASE IF NOT EXISTS `" + name +
                                    "` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
    // Who may not create it may find it made by the administrator.
    if (!created.ok() && created.error().code != ErrorCode::kDenied) return created;
    return {};
}

Result<std::uint32_t> schema_of(Connection& connection) {
    LB_TRY_ASSIGN(const Found found,
                  connection.query("SELECT value FROM meta WHERE name = 'schema'", {}));
    if (found.count() == 0) return 0U;
    const std::string_view text = found.bytes(0, 0);
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size())
        return Error{ErrorCode::kCorrupt, "meta: schema is no number: " + std::string(text)};
    return number;
}

Status run_statements(Connection& connection, std::string_view sql) {
    std::string statement;
    while (!sql.empty()) {
        const std::size_t end = sql.find('\n');
        const std::string_view line = sql.substr(0, end);
        sql = end == std::string_view::npos ? std::string_view{} : sql.substr(end + 1);
        if (line.empty() || line.starts_with("--")) continue;
        statement += std::string(line) + "\n";
        if (!line.ends_with(';')) continue;
        LB_TRY(connection.run(statement.substr(0, statement.size() - 2)));
        statement.clear();
    }
    return {};
}

Status apply(Connection& connection, const Migration& migration) {
    if (Status done = run_statements(connection, migration.sql); !done.ok())
        return done.error().within("schema migration " + std::string(migration.name));
    const std::string number = std::to_string(migration.number);
    const Value value = std::string_view(number);
    LB_TRY(connection.execute("REPLACE INTO meta (name, value) VALUES ('schema', ?)",
                              std::span(&value, 1)));
    return {};
}

Result<bool> has_secret(Connection& connection) {
    LB_TRY_ASSIGN(const Found found,
                  connection.query("SELECT value FROM meta WHERE name = 'secret'", {}));
    return found.count() == 1;
}

// The lock holds on one node of a cluster only: another node may have made it meanwhile.
Status make_secret(Connection& connection) {
    constexpr int kSecretBytes = 32;
    LB_TRY_ASSIGN(const bool is_there, has_secret(connection));
    if (is_there) return {};
    std::array<unsigned char, kSecretBytes> secret{};
    if (RAND_bytes(secret.data(), kSecretBytes) != 1)
        return Error{ErrorCode::kRetry, "the system gives no random bytes"};
    const Value value =
        std::string_view(reinterpret_cast<const char*>(secret.data()), secret.size());
    const auto made = connection.execute("INSERT INTO meta (name, value) VALUES ('secret', ?)",
                                         std::span(&value, 1));
    if (made.ok()) return {};
    LB_TRY_ASSIGN(const bool is_there_now, has_secret(connection));
    if (is_there_now) return {};
    return made.error().within("making the secret of the database");
}

}  // namespace

Status migrate(const Dsn& dsn, std::span<const Migration> known,
               const std::function<void(const std::string&)>& on_message) {
    LB_TRY(create_database(dsn));
    Connection connection(dsn, kTableChangeTimeout);
    LB_TRY(connection.use());
    LB_TRY_ASSIGN(const Found locked, connection.query(kLock, {}));
    if (locked.count() != 1 || locked.number(0, 0) != 1)
        return Error{ErrorCode::kRetry,
                     "another server is changing the schema of " + dsn.to_string()};
    LB_TRY(connection.run(kCreateMeta));
    LB_TRY_ASSIGN(const std::uint32_t present, schema_of(connection));
    if (!known.empty() && present > known.back().number)
        return Error{ErrorCode::kUnsupported,
                     dsn.to_string() + " has schema " + std::to_string(present) +
                         ", this program knows schemas up to " +
                         std::to_string(known.back().number) + ": upgrade this server"};
    for (const Migration& migration : known) {
        if (migration.number <= present) continue;
        if (present != 0) on_message("changing the schema: " + std::string(migration.name));
        LB_TRY(apply(connection, migration));
    }
    LB_TRY(make_secret(connection));
    LB_TRY(connection.query(kUnlock, {}));
    return {};
}

}  // namespace lb::store::mariadb
