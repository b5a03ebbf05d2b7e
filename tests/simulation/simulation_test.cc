// Whole sites in one process: hosts, network and server live through loss, delay, cuts, full disks,
// failing calls, clocks that jump and deaths of everything; then every promise must hold.
//   LB_SEED=n replays one history, LB_SEEDS=n plays so many.
#include <catch2/catch.hpp>

#include "bkserver/store/mariadb/connection.h"
#include "bkserver/store/mariadb/database.h"
#include "common/log/log.h"
#include "tests/simulation/site.h"
#include "tests/support/private_mariadb.h"
#include "tests/support/seeds.h"

using namespace lb;
using namespace lb::test;

namespace {

// Within so many histories a broken promise must show.
constexpr std::uint64_t kSeedsToCatch = 40;

// One database for all histories. It need not survive the machine, so its commits wait for no disk.
store::Database& database() {
    static const auto shared = [] {
        log::set_level(log::Level::kError);  // warnings are what these histories are made of
        const auto dsn = PrivateMariadb::shared().fresh_dsn();
        auto opened = store::mariadb::MariadbDatabase::open({dsn, "simulation", kSimService});
        REQUIRE(opened.ok());
        store::mariadb::Connection connection(dsn);
        REQUIRE(connection.use().ok());
        REQUIRE(connection.run("SET GLOBAL innodb_flush_log_at_trx_commit = 0").ok());
        return std::move(*opened);
    }();
    return *shared;
}

}  // namespace

TEST_CASE("every promise holds, whatever goes wrong", "[simulation]") {
    for (const std::uint64_t seed : seeds(200)) {
        const auto broken = SimSite(seed, Bug::kNone, database()).run();
        INFO("repeat with LB_SEED=" << seed);
        if (broken) FAIL(*broken);
    }
}

TEST_CASE("a promise that is broken on purpose is found out", "[simulation]") {
    const auto [bug, complaint] = GENERATE(table<Bug, std::string>({
        {Bug::kDiskForgetsSyncs, "is lost"},
        {Bug::kNetworkForgesAcks, "is lost"},
        {Bug::kStoreForgetsCommits, "is lost"},
        {Bug::kNetworkRenamesEvents, "was invented"},
        {Bug::kStoreKeepsOldRegisters, "a rebuild of"},
        {Bug::kStoreDropsEvents, "is lost"},
        {Bug::kStoreChokesOnOneEvent, "dammed"},
        {Bug::kDiskWaitsForNetwork, "not taken"},
        {Bug::kMemoryHasNoEnd, "bytes in memory"},
        {Bug::kPolicyAllowsAll, "may not log"},
    }));
    INFO("bug " << static_cast<int>(bug));
    std::optional<std::string> found;
    for (std::uint64_t seed = 1; seed <= kSeedsToCatch && !found; ++seed)
        found = SimSite(seed, bug, database()).run();
    REQUIRE(found);
    UNSCOPED_INFO(*found);
    CHECK(found->find(complaint) != std::string::npos);
}
