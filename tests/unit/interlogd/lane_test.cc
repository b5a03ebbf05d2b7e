// A lane over a disk that fails for a while.
#include "interlogd/lane.h"

#include <catch2/catch.hpp>
#include <cerrno>

#include "common/spool/spool_writer.h"
#include "tests/support/sim_disk.h"

using namespace lb;
using namespace lb::test;

TEST_CASE("what was settled while the disk failed is forgotten once it works again",
          "[interlogd]") {
    SimDisk disk(1);
    SimClock clock;
    SimEnv env(disk, clock);
    const spool::Destination destination{"lb.example.org", 9000};
    spool::SpoolWriterOptions writer_options;
    writer_options.root = "/spool";
    writer_options.free_bytes_min = 0;
    auto writer = spool::SpoolWriter::open(env, writer_options);
    REQUIRE(writer.ok());
    spool::AppendItem item{&destination, spool::Lane::kBulk, "event", {}};
    (*writer)->append(std::span(&item, 1));
    REQUIRE(item.status.ok());
    spool::LaneReaderOptions options;
    options.root = writer_options.root;
    options.id = {destination, spool::Lane::kBulk};
    auto reader = spool::LaneReader::open(env, options);
    REQUIRE(reader.ok());
    interlogd::Lane lane(spool::Lane::kBulk, std::move(*reader));
    const auto parcels = lane.read({});
    REQUIRE(parcels.ok());
    REQUIRE(parcels->size() == 1);

    env.fault = [](Call call, const std::string&) { return call == Call::kWrite ? EIO : 0; };
    CHECK_FALSE(lane.settle(parcels->front().number).ok());
    CHECK_FALSE(lane.tidy().ok());
    CHECK(lane.reader().tail()->events == 1);
    env.fault = nullptr;
    CHECK(lane.tidy().ok());
    CHECK(lane.reader().tail()->events == 0);
}

TEST_CASE("a segment goes when reading comes to its end and all of it is settled already",
          "[interlogd]") {
    SimDisk disk(1);
    SimClock clock;
    SimEnv env(disk, clock);
    const spool::Destination destination{"lb.example.org", 9000};
    spool::SpoolWriterOptions writer_options;
    writer_options.root = "/spool";
    writer_options.free_bytes_min = 0;
    const auto append_with_new_writer = [&] {
        auto writer = spool::SpoolWriter::open(env, writer_options);
        REQUIRE(writer.ok());
        spool::AppendItem item{&destination, spool::Lane::kBulk, "event", {}};
        (*writer)->append(std::span(&item, 1));
        REQUIRE(item.status.ok());
    };
    append_with_new_writer();
    spool::LaneReaderOptions options;
    options.root = writer_options.root;
    options.id = {destination, spool::Lane::kBulk};
    auto reader = spool::LaneReader::open(env, options);
    REQUIRE(reader.ok());
    interlogd::Lane lane(spool::Lane::kBulk, std::move(*reader));
    const auto first = lane.read({});
    REQUIRE(first.ok());
    REQUIRE(lane.settle(first->front().number).ok());
    REQUIRE(lane.tidy().ok());
    append_with_new_writer();  // a segment of its own
    const auto second = lane.read({});
    REQUIRE(second.ok());
    REQUIRE(second->size() == 1);
    REQUIRE(lane.tidy().ok());
    const auto segments = spool::list_segments(
        env, spool::lane_directory(options.root, destination, spool::Lane::kBulk));
    REQUIRE(segments.ok());
    CHECK(segments->size() == 1);
}
