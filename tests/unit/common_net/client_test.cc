#include "common/net/client.h"

#include <catch2/catch.hpp>

#include "tests/support/slow_server.h"

using namespace lb;
using namespace std::chrono_literals;

TEST_CASE("who waits for long says that it is still there") {
    v1::Reply built;
    built.add_rows("built");
    const test::SlowServer server({built});
    net::ClientOptions options;
    options.socket_path = server.path();
    const auto client = net::Client::connect(options);
    REQUIRE(client.ok());
    std::string row;
    int waits = 0;
    const Status asked = (*client)->ask({},
                                        [&](const v1::Reply& reply) {
                                            row = reply.rows(0);
                                            return true;
                                        },
                                        {.timeout = 60s, .on_wait = [&] { return ++waits > 0; }});
    CHECK(asked.ok());
    CHECK(row == "built");
    CHECK(waits >= 1);
}
