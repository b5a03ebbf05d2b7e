// A MariaDB database as a Database of store.h.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bkserver/store/mariadb/dictionary.h"
#include "bkserver/store/mariadb/dsn.h"
#include "bkserver/store/mariadb/reader.h"
#include "bkserver/store/store.h"

namespace lb::store::mariadb {

struct DatabaseOptions {
    Dsn dsn;
    // This server among those that share the database; the same after a restart. Its writers keep
    // their streams of changes by it.
    std::string instance;
    std::string service;    // host:port of the ids that it keeps: short names are completed by it
    QueryWatch watch = {};  // called by the threads that query
    // What takes long while the database is opened.
    std::function<void(const std::string&)> on_message = [](const std::string&) {};
};

class MariadbDatabase : public Database {
  public:
    // Brings the schema up to date first.
    static Result<std::unique_ptr<MariadbDatabase>> open(DatabaseOptions options);

    Result<std::unique_ptr<Writer>> open_writer(std::uint32_t lane) override;
    Result<std::unique_ptr<Reader>> open_reader() override;

  private:
    explicit MariadbDatabase(DatabaseOptions options);

    DatabaseOptions options_;
    Dictionary dictionary_;
};

}  // namespace lb::store::mariadb
