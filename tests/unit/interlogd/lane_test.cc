// A lane over a spool on a simulated disk.
#include "interlogd/lane.h"

#include <catch2/catch.hpp>
#include <cerrno>

#include "common/spool/spool_writer.h"
#include "tests/support/sim_disk.h"

using namespace lb;
using namespace lb::test;

namespace {

const spool::Destination kDestination{"lb.example.org", 9000};
constexpr char kRoot[] = "/spool";

struct Host {
    // By a new writer: into a segment of its own.
    void append() {
        spool::SpoolWriterOptions options;
        options.root = kRoot;
        options.free_bytes_min = 0;
        auto writer = spool::SpoolWriter::open(env, options);
        REQUIRE(writer.ok());
        spool::AppendItem item{&kDestination, spool::Lane::kBulk, "event", {}};
        (*writer)->append(std::span(&item, 1));
        REQUIRE(item.status.ok());
    }
    interlogd::Lane open_lane() {
        spool::LaneReaderOptions options;
        options.root = kRoot;
        options.id = {kDestination, spool::Lane::kBulk};
        auto reader = spool::LaneReader::open(env, options);
        REQUIRE(reader.ok());
        return {spool::Lane::kBulk, std::move(*reader)};
    }

    SimDisk disk{1};
    SimClock clock;
    SimEnv env{disk, clock};
};

std::uint64_t read_one(interlogd::Lane& lane) {
    const auto parcels = lane.read({});
    REQUIRE(parcels.ok());
    REQUIRE(parcels->size() == 1);
    return parcels->front().number;
}

}  // namespace

TEST_CASE("what was settled while the disk failed is forgotten once it works again",
          "[interlogd]") {
    Host host;
    host.append();
    interlogd::Lane lane = host.open_lane();
    const std::uint64_t number = read_one(lane);
    host.env.fault = [](Call call, const std::string&) { return call == Call::kWrite ? EIO : 0; };
    CHECK_FALSE(lane.settle(number).ok());
    CHECK_FALSE(lane.tidy().ok());
    CHECK(lane.reader().tail()->events == 1);
    host.env.fault = nullptr;
    CHECK(lane.tidy().ok());
    CHECK(lane.reader().tail()->events == 0);
}

TEST_CASE("a segment goes when reading comes to its end and all of it is settled already",
          "[interlogd]") {
    Host host;
    host.append();
    interlogd::Lane lane = host.open_lane();
    REQUIRE(lane.settle(read_one(lane)).ok());
    REQUIRE(lane.tidy().ok());
    host.append();
    read_one(lane);
    REQUIRE(lane.tidy().ok());
    const auto segments = spool::list_segments(
        host.env, spool::lane_directory(kRoot, kDestination, spool::Lane::kBulk));
    REQUIRE(segments.ok());
    CHECK(segments->size() == 1);
}
