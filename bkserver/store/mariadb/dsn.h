// Where a MariaDB is and how to enter it, as one line of configuration:
//   mariadb://user:password@host:port/database?ssl_ca=/path&ssl_cert=/path&ssl_key=/path
//   mariadb://user@/database?socket=/run/mysqld/mysqld.sock
// User, password and parameters may be percent-encoded. Over the network without ssl_ca the
// server's certificate is not checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace lb::store::mariadb {

struct Dsn {
    std::string host;
    std::uint16_t port = 3306;
    std::string socket;  // not empty: Unix socket instead of host and port
    std::string user;
    std::string password;
    std::string database;
    std::string ssl_ca;
    std::string ssl_cert;
    std::string ssl_key;

    // kReject says which part is wrong; the password is in no message.
    static Result<Dsn> parse(std::string_view text);
    // For messages: without the password.
    [[nodiscard]] std::string to_string() const;
};

}  // namespace lb::store::mariadb
