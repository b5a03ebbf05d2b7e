#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <thread>

#include "bkserver/store/mariadb/dictionary.h"
#include "tests/conformance/store_bench.h"

namespace lb::store::mariadb {

TEST_CASE("what is known is given out while others wait for the database", "[store]") {
    test::StoreBench bench;
    Dictionary dictionary(bench.dsn);
    const std::uint32_t number = dictionary.number_of(TextKind::kHost, "node1").value();
    Connection holder(bench.dsn);
    REQUIRE(holder.use().ok());
    REQUIRE(holder.run("START TRANSACTION").ok());
    REQUIRE(holder.query("SELECT next FROM sequence WHERE name = 'subject' FOR UPDATE", {}).ok());
    auto taking =
        std::async(std::launch::async, [&] { return dictionary.take("subject", 1).ok(); });
    Connection watcher(bench.dsn);
    REQUIRE(watcher.use().ok());
    const auto waiting = [&] {
        const auto found = watcher.query(
            "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'", {});
        REQUIRE(found.ok());
        return found->number(0, 0);
    };
    // MariaDB makes the table anew only when nobody has read it for 100 ms.
    while (waiting() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(200));
    CHECK(dictionary.text_of(number).value() == "node1");
    CHECK(dictionary.number_of(TextKind::kHost, "node1").value() == number);
    CHECK(taking.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
    REQUIRE(holder.run("ROLLBACK").ok());
    CHECK(taking.get());
}

TEST_CASE("numbers of a sequence are each given out once", "[store]") {
    test::StoreBench bench;
    Dictionary one(bench.dsn);
    Dictionary other(bench.dsn);
    std::uint64_t last = 0;
    for (int i = 0; i < 10; ++i) {
        const std::uint64_t mine = one.take("subject", 3000).value();
        CHECK(mine > last);
        const std::uint64_t others = other.take("subject", 3000).value();
        CHECK((others >= mine + 3000 || others + 3000 <= mine));
        last = mine + 2999;
    }
}

TEST_CASE("a text that cannot be written has no number, and not that of the empty one", "[store]") {
    test::StoreBench bench;
    Dictionary dictionary(bench.dsn);
    Connection connection(bench.dsn);
    REQUIRE(connection.use().ok());
    REQUIRE(connection
                .run("CREATE TRIGGER refuse BEFORE INSERT ON dictionary FOR EACH ROW "
                     "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213")
                .ok());
    CHECK(dictionary.number_of(TextKind::kHost, "node1").error().code == ErrorCode::kConflict);
    REQUIRE(connection.run("DROP TRIGGER refuse").ok());
    CHECK(dictionary.number_of(TextKind::kHost, "node1").value() > 0);
}

TEST_CASE("an answer may take as long as the line was opened for", "[store]") {
    test::StoreBench bench;
    constexpr char kSlow[] = "SELECT SLEEP(3)";
    Connection hasty(bench.dsn, std::chrono::seconds(1));
    REQUIRE(hasty.use().ok());
    CHECK_FALSE(hasty.query(kSlow, {}).ok());
    Connection patient(bench.dsn, kTableChangeTimeout);
    REQUIRE(patient.use().ok());
    CHECK(patient.query(kSlow, {}).ok());
}

}  // namespace lb::store::mariadb
