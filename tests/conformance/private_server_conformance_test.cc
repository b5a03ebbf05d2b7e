// The mariadbd that a bookkeeping server keeps for itself, beside others on the same host.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/private_mariadb.h"

using namespace lb;

// A mariadbd that starts removes every temporary table in its directory for them.
TEST_CASE("a server that starts leaves the temporary tables of others alone") {
    const std::string directory = test::make_short_directory();
    const std::string shared = directory + "/shared";
    const std::string table = shared + "/#sql-temptable-1-1-1.MAI";
    std::filesystem::create_directory(shared);
    std::ofstream(table) << "of another server";
    const char* const before = std::getenv("TMPDIR");
    const std::string kept = before == nullptr ? "" : before;
    REQUIRE(setenv("TMPDIR", shared.c_str(), 1) == 0);
    const auto server = store::mariadb::PrivateServer::start(test::small_server_options(directory));
    before == nullptr ? unsetenv("TMPDIR") : setenv("TMPDIR", kept.c_str(), 1);
    REQUIRE(server.ok());
    (*server)->stop();
    CHECK(std::filesystem::exists(table));
    std::filesystem::remove_all(directory);
}
