// `lbctl rebuild`, `lbctl history` and a server that takes its time.
#include <catch2/catch.hpp>
#include <sstream>

#include "bkserver/cli/query_commands.h"
#include "bkserver/cli/server_commands.h"
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

struct Said {
    std::string out;
    std::string err;
};

Said run(const std::string& command, const std::string& form, const test::SlowServer& server) {
    std::ostringstream out;
    std::ostringstream err;
    Context context{{}, out, err};
    context.settings.server = server.path();
    context.settings.output = form;
    CLI::App lbctl;
    add_query_commands(lbctl, context);
    add_server_commands(lbctl, context);
    lbctl.parse(command);
    CHECK(context.exit_code == kDone);
    return {out.str(), err.str()};
}

}  // namespace

TEST_CASE("a rebuild says how far it has come while the server is at work") {
    const test::SlowServer server(
        {page(R"({"process":"p","events":2000,"different":true,"written":true,"difference":"x"})",
              "1"),
         page(R"({"process":"q","events":5,"different":false,"written":false})", "")},
        2);
    const Said said = run("rebuild", "table", server);
    // The first answer came behind two keepalives only, so more than a second was waited for it.
    CHECK_THAT(said.err, Contains("0 processes, 0 events, 0 different"));
    CHECK(said.out == "p: x, rebuilt\n2 processes, 2005 events, 1 different\n");
}

TEST_CASE("a history says how far it has come while the server is at work") {
    const test::SlowServer server({page(R"({"type":"VMBoot","event_id":"a"})", "1"),
                                   page(R"({"type":"VMRunning","event_id":"b"})", "")},
                                  2);
    const Said said = run("history p", "id", server);
    CHECK_THAT(said.err, StartsWith("0 events"));
    CHECK(said.out == "a\nb\n");
}

}  // namespace lb::cli
