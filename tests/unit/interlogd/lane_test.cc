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
