// The command line of lb-logevent, as scripts of the original's tool write it.
#include "logd/cli/options.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "common/event/table.h"

namespace lb::logevent {
namespace {

Result<Options> parsed(std::vector<std::string_view> arguments) {
    for (const char* name : {"GLITE_WMS_JOBID", "EDG_JOBID"}) ::unsetenv(name);
    const std::vector<std::string_view> always = {"-e", "Done", "--status_code=OK", "--exit_code",
                                                  "0"};
    arguments.insert(arguments.begin(), always.begin(), always.end());
    return parse_options(arguments);
}

}  // namespace

TEST_CASE("the original's long option names mean what its letters mean") {
    const auto by_name =
        parsed({"--source=LRMS", "--jobid", "https://lb.example.org:9000/x", "--sequence=UI=000001",
                "--source-instance=wn1", "--lbproxy", "--lbproxy-store-sock=/run/store.sock",
                "--lbproxy-user-dn=/CN=alice", "--machine=lb.example.org", "--dont-increment",
                "--priority", "--reason=lost", "--reason-length=10"});
    REQUIRE(by_name.ok());
    const auto by_letter = parsed({"-s",
                                   "LRMS",
                                   "-j",
                                   "https://lb.example.org:9000/x",
                                   "-c",
                                   "UI=000001",
                                   "-i",
                                   "wn1",
                                   "-x",
                                   "-S",
                                   "/run/store.sock",
                                   "-U",
                                   "/CN=alice",
                                   "-m",
                                   "lb.example.org",
                                   "-I",
                                   "-p",
                                   "-l",
                                   "10",
                                   "--reason=lost"});
    REQUIRE(by_letter.ok());
    for (const auto& options : {by_name, by_letter}) {
        CHECK(options->subject == "https://lb.example.org:9000/x");
        CHECK(options->event.sequence_code == "UI=000001");
        CHECK(options->event.source_instance == "wn1");
        CHECK(options->event.user == "/CN=alice");
        CHECK(options->producer.socket_path == "/run/store.sock");
        CHECK(options->event.text("reason") == "lost......");
        CHECK_FALSE(options->increments_first);
        CHECK(options->is_sync);
    }
}

TEST_CASE("debug mode logs at the level of debugging") {
    const auto options = parsed({"-d", "-s", "LRMS", "-j", "https://lb.example.org:9000/x"});
    REQUIRE(options.ok());
    CHECK(event::level_names()[options->event.level] == "DEBUG");
}

TEST_CASE("a reason is not made longer than a field may be") {
    CHECK_FALSE(parsed({"-s", "LRMS", "-j", "https://lb.example.org:9000/x", "-l", "524289"}).ok());
    CHECK_FALSE(parsed({"-s", "LRMS", "-j", "https://lb.example.org:9000/x", "-l", "file"}).ok());
}

}  // namespace lb::logevent
