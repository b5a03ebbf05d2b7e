// A private mariadbd for tests: one a test binary, copied from a template that is bootstrapped once
// in a build tree, with a fresh database for each test that asks.
#pragma once

#include <memory>
#include <string>

#include "bkserver/store/mariadb/dsn.h"
#include "bkserver/store/mariadb/private_server.h"

namespace lb::test {

class PrivateMariadb {
  public:
    // Aborts the test binary with a message when there is no mariadbd.
    PrivateMariadb();
    ~PrivateMariadb();
    PrivateMariadb(const PrivateMariadb&) = delete;
    PrivateMariadb& operator=(const PrivateMariadb&) = delete;

    // The one of this binary, started at the first call, stopped when the binary ends.
    static PrivateMariadb& shared();

    // The address of a database that does not exist yet.
    store::mariadb::Dsn fresh_dsn();

    store::mariadb::PrivateServer& server() { return *server_; }
    // SIGKILL; the server starts again by itself.
    void kill();

  private:
    std::string directory_;
    std::unique_ptr<store::mariadb::PrivateServer> server_;
    int databases_ = 0;
};

// Options that make a small server in `directory` (state and socket).
store::mariadb::PrivateServerOptions small_server_options(const std::string& directory);

// A new directory under /tmp, short enough for sockets. The caller removes it.
std::string make_short_directory();

}  // namespace lb::test
