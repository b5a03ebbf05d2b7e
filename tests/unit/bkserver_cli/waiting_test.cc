// `lbctl rebuild`, `lbctl history` and a server that takes its time.
#include <catch2/catch.hpp>
#include <sstream>

#include "bkserver/cli/query_commands.h"
#include "tests/support/slow_server.h"

namespace lb::cli {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

v1::Reply page(const std::string& row, const std::string& cursor) {
    v1::Reply reply;
    reply.add_rows(row);
    reply.set_cursor(cursor);
    return reply;
}

}  // namespace

TEST_CASE("a rebuild says how far it has come while the server is at work") {
    const test::SlowServer server(
        {page(R"({"process":"p","events":2000,"different":true,"written":true,"difference":"x"})",
              "1"),
         page(R"({"process":"q","events":5,"different":false,"written":false})", "")},
        2);
    std::ostringstream out;
    std::ostringstream err;
    Context context{{}, out, err};
    context.settings.server = server.path();
    CLI::App lbctl;
    add_query_commands(lbctl, context);
    lbctl.parse("rebuild");
    CHECK(context.exit_code == kDone);
    // The first answer came behind two keepalives only, so more than a second was waited for it.
    CHECK_THAT(err.str(), Contains("0 processes, 0 events, 0 different"));
    CHECK(out.str() == "p: x, rebuilt\n2 processes, 2005 events, 1 different\n");
}

TEST_CASE("a history says how far it has come while the server is at work") {
    const test::SlowServer server({page(R"({"type":"VMBoot","event_id":"a"})", "1"),
                                   page(R"({"type":"VMRunning","event_id":"b"})", "")},
                                  2);
    std::ostringstream out;
    std::ostringstream err;
    Context context{{}, out, err};
    context.settings.server = server.path();
    context.settings.output = "id";
    CLI::App lbctl;
    add_query_commands(lbctl, context);
    lbctl.parse("history p");
    CHECK(context.exit_code == kDone);
    CHECK_THAT(err.str(), StartsWith("0 events"));
    CHECK(out.str() == "a\nb\n");
}

}  // namespace lb::cli
