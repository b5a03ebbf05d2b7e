#include "common/config/config.h"

#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

using namespace lb;
using namespace lb::config;

namespace {

constexpr std::array kOptions = {
    Option{"host", Kind::kText, "", "a name"},
    Option{"tls.key", Kind::kText, "/etc/key", "a file"},
    Option{"port", Kind::kInteger, "9000", "a port", 1, 65'535},
    Option{"names", Kind::kTextList, "a, b", "some names"},
    Option{"tls.strict", Kind::kBoolean, "true", "a flag", 0, INT64_MAX, true},
};

struct TemporaryFile {
    explicit TemporaryFile(const std::string& content) {
        path = "/tmp/lb-config-XXXXXX";
        const int descriptor = mkstemp(path.data());
        REQUIRE(descriptor >= 0);
        close(descriptor);
        std::ofstream(path) << content;
    }
    ~TemporaryFile() { unlink(path.c_str()); }
    std::string path;
};

Result<Config> load(const std::string& content) {
    const TemporaryFile file(content);
    return Config::load(kOptions, file.path, {});
}

}  // namespace

TEST_CASE("defaults, file and overrides, in this order", "[config]") {
    const auto defaults = Config::load(kOptions, "", {});
    REQUIRE(defaults.ok());
    CHECK(defaults->integer("port") == 9000);
    CHECK(defaults->list("names") == std::vector<std::string>{"a", "b"});
    const TemporaryFile file("port = 1\nnames = [\"x\"]\n[tls]\nkey = \"k\"\n");
    const std::vector<Override> overrides = {{"port", "2"}};
    const auto config = Config::load(kOptions, file.path, overrides);
    REQUIRE(config.ok());
    CHECK(config->integer("port") == 2);
    CHECK(config->text("tls.key") == "k");
    CHECK(config->list("names") == std::vector<std::string>{"x"});
    CHECK(config->boolean("tls.strict"));
}

TEST_CASE("what is printed is read again, whatever the order of the table", "[config]") {
    const auto config = load("host = \"h \\\"x\\\" \\\\ \"\nport = 7\n");
    REQUIRE(config.ok());
    const auto again = load(config->print());
    REQUIRE(again.ok());
    CHECK(again->print() == config->print());
    CHECK(again->text("host") == "h \"x\" \\ ");
    const auto controls =
        load("host = \"two\\nlines\\u007f\\u00e9\\U0001F600\"\nnames = [\"a\\tb\"]\n");
    REQUIRE(controls.ok());
    const auto same = load(controls->print());
    REQUIRE(same.ok());
    CHECK(same->text("host") == "two\nlines\x7f\xc3\xa9\xf0\x9f\x98\x80");
    CHECK(same->list("names") == std::vector<std::string>{"a\tb"});
}

TEST_CASE("what is wrong is named, with its place and what would be right", "[config]") {
    const std::pair<const char*, const char*> cases[] = {
        {"prot = 1\n", "port"},
        {"\n\nhots = \"x\"\n", "host"},
        {"port = \"many\"\n", "port"},
        {"port = 70000\n", "65535"},
        {"port = 0\n", "port"},
        {"names = [1]\n", "names"},
        {"tls = 1\n", "tls"},
        {"host = \n", "line 1"},
        {"a =]\n", "line 1"},
        {"host = \"\xC3\xA4\"\n", "ASCII"},
        {"host = \"a\"\nhost = \"b\"\n", "host"},
    };
    for (const auto& [content, word] : cases) {
        INFO(content);
        const auto config = load(content);
        REQUIRE_FALSE(config.ok());
        CHECK(config.error().text.find(word) != std::string::npos);
    }
    CHECK_FALSE(Config::load(kOptions, "/no/such/file", {}).ok());
}

TEST_CASE("what needs a restart is told", "[config]") {
    const auto before = load("");
    const auto after = load("port = 1\n[tls]\nstrict = false\n");
    REQUIRE(after.ok());
    CHECK(before->fixed_differences(*after) == std::vector<std::string>{"port"});
}
