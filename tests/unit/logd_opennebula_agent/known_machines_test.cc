// What survives the agent: the numbers of machines that are not done.
#include "logd/opennebula_agent/known_machines.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

using namespace lb;
using namespace lb::opennebula_agent;

namespace {

struct File {
    File() {
        char name[] = "/tmp/lb-known-XXXXXX";
        REQUIRE(mkdtemp(name) != nullptr);
        directory = name;
        path = directory + "/machines";
    }
    ~File() { std::filesystem::remove_all(directory); }
    [[nodiscard]] std::unique_ptr<KnownMachines> open() const {
        auto known = KnownMachines::open(env::posix_env(), path);
        REQUIRE(known.ok());
        return std::move(*known);
    }
    [[nodiscard]] KnownMachines::Map all() const { return open()->all(); }

    std::string directory;
    std::string path;
};

}  // namespace

TEST_CASE("a machine that was seen is known in the next life, of a state that was not seen") {
    const File file;
    {
        const auto known = file.open();
        REQUIRE(known->see(7, {3, 3, 0}).ok());
        REQUIRE(known->see(7, {3, 12, 0}).ok());
        REQUIRE(known->see(12, {1, 0, -1}).ok());
        CHECK(known->find(7)->lcm_state == 12);
        CHECK(known->find(8) == nullptr);
    }
    const auto known = file.open();
    CHECK(known->all() == KnownMachines::Map{{7, {}}, {12, {}}});
}

TEST_CASE("one that is forgotten is gone with the next list") {
    const File file;
    {
        const auto known = file.open();
        REQUIRE(known->see(7, {}).ok());
        known->forget(7);
        CHECK(known->find(7) == nullptr);
    }
    const auto before = file.all();
    CHECK(before.contains(7));
    const auto known = file.open();
    REQUIRE(known->replace({{9, {}}}).ok());
    const auto next = file.all();
    CHECK(next == KnownMachines::Map{{9, {}}});
}

TEST_CASE("a line that was cut, and what is no number, is left out") {
    const File file;
    std::ofstream(file.path) << "4\nx\n-5\n\n99999999999999\n6\n12";
    const auto all = file.all();
    CHECK(all == KnownMachines::Map{{4, {}}, {6, {}}});
}

TEST_CASE("a directory that is not there is said") {
    CHECK(!KnownMachines::open(env::posix_env(), "/nonexistent/machines").ok());
}
