// Events in quarantine, sent again to a server that the test plays.
#include "bkserver/cli/spool_replay.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/unit/bkserver_cli/fake_batch_peer.h"

using namespace lb;
using namespace lb::cli;

TEST_CASE("events of one destination leave the quarantine with their verdicts") {
    std::string root = "/tmp/lb-spool-replay-XXXXXX";
    REQUIRE(mkdtemp(root.data()) != nullptr);
    spool::Quarantine quarantine(env::posix_env(), root, 1 << 20);
    const spool::Destination destination{"lb.example.org", 9000};
    const spool::Destination other{"lb2.example.org", 9000};
    const std::string prefix = spool::quarantined_event_prefix(destination);
    REQUIRE(quarantine.keep(prefix + "01", "good", "why").ok());
    REQUIRE(quarantine.keep(prefix + "02", "bad", "why").ok());
    REQUIRE(quarantine.keep(spool::quarantined_event_prefix(other) + "03", "other", "why").ok());
    REQUIRE(quarantine.keep("lb.example.org_9000.bulk.1.64", "no record", "why").ok());

    test::FakeBatchPeer peer;
    peer.verdict_of = [](const std::string& event) {
        return event == "bad" ? v1::VERDICT_DENIED : v1::VERDICT_DUPLICATE;
    };
    std::vector<std::string> complaints;
    const auto counts =
        replay_events(quarantine, destination, peer, peer.credit,
                      [&](const std::string& complaint) { complaints.push_back(complaint); });
    REQUIRE(counts.ok());
    CHECK(counts->settled == 2);
    CHECK(counts->refused == 1);
    CHECK(counts->others == 1);
    REQUIRE(complaints.size() == 1);
    CHECK(complaints[0].ends_with("dead letter: because of bad"));
    const auto left = quarantine.list();
    REQUIRE(left.ok());
    CHECK(left->size() == 2);
    const std::filesystem::directory_iterator files(root + "/quarantine");
    CHECK(std::distance(begin(files), end(files)) == 4);  // each with its reason
    std::filesystem::remove_all(root);
}
