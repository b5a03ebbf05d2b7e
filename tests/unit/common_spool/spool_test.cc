// The spool on a real file system: what is acknowledged is read, whatever end the writer took.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "common/base/encoding.h"
#include "common/frame/crc32c.h"
#include "common/spool/doorbell.h"
#include "common/spool/inspect.h"
#include "common/spool/quarantine.h"
#include "common/spool/spool_reader.h"
#include "common/spool/spool_writer.h"
#include "tests/support/sim_disk.h"

using namespace lb;
using namespace lb::spool;

namespace fs = std::filesystem;

namespace {

const Destination kDestination{"lb.example.org", 9000};

struct Spool {
    Spool() {
        std::string path = "/tmp/lb-spool-XXXXXX";
        REQUIRE(mkdtemp(path.data()) != nullptr);
        root = path;
        open_writer();
    }
    ~Spool() {
        writer.reset();
        fs::remove_all(root);
    }
    void open_writer() {
        writer.reset();
        SpoolWriterOptions options;
        options.root = root;
        options.free_bytes_min = 0;
        options.segment_bytes_min = segment_bytes;
        options.segment_bytes_max = segment_bytes;
        auto opened = SpoolWriter::open(env::posix_env(), options);
        REQUIRE(opened.ok());
        writer = std::move(*opened);
    }
    void append(const std::string& payload, Lane lane = Lane::kBulk) {
        AppendItem item;
        item.destination = &kDestination;
        item.lane = lane;
        item.payload = payload;
        writer->append(std::span(&item, 1));
        REQUIRE(item.status.ok());
    }
    std::unique_ptr<LaneReader> reader(Lane lane = Lane::kBulk) {
        LaneReaderOptions options;
        options.root = root;
        options.id = {kDestination, lane};
        options.suspect_us = 0;
        options.on_damage = [this](const Damage& damage, const std::string&) {
            damages.push_back(damage);
        };
        auto opened = LaneReader::open(env::posix_env(), options);
        REQUIRE(opened.ok());
        return std::move(*opened);
    }
    // Everything that can be read now; damage may take a second look to be believed.
    std::vector<std::string> read_all(LaneReader& lane) {
        std::vector<std::string> payloads;
        for (int empty = 0; empty < 3;) {
            const auto records = lane.read({.events_max = 3, .bytes_max = 1000});
            REQUIRE(records.ok());
            if (records->empty()) ++empty;
            for (const Record& record : *records) payloads.push_back(record.payload);
        }
        return payloads;
    }
    fs::path segment(std::size_t index = 0) {
        std::vector<fs::path> found;
        for (const auto& entry :
             fs::directory_iterator(lane_directory(root, kDestination, Lane::kBulk)))
            if (entry.path().extension() == ".seg") found.push_back(entry.path());
        std::sort(found.begin(), found.end());
        REQUIRE(index < found.size());
        return found[index];
    }

    std::string root;
    std::uint64_t segment_bytes = 64 * 1024;
    std::unique_ptr<SpoolWriter> writer;
    std::vector<Damage> damages;
};

using Payloads = std::vector<std::string>;

void flip(const fs::path& path, std::uint64_t offset) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const char byte = static_cast<char>(file.get() ^ 0x40);
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(byte);
}

}  // namespace

TEST_CASE("the example of FORMAT.md is what is written", "[spool]") {
    SegmentHeader header;
    header.lane = Lane::kBulk;
    header.name = {7, 0x01020304};
    header.created_us = 1'795'521'600'000'000;
    header.destination_crc = frame::crc32c("lb.example.org:9000");
    CHECK(header.name.to_string() == "000000000007-01020304.seg");
    const auto bytes = encode_segment_header(header);
    CHECK(to_hex({bytes.data(), bytes.size()}) ==
          "4c42534547303031010000000200000007000000000000000403020185ef88cb0090277304610600"
          "00000000000000000000000000000000000000003ac10201");
    std::string records;
    append_record(records, 0x01020304, {RecordType::kEvent, 5, 0, 1'795'521'600'000'001}, "hello");
    append_record(records, 0x01020304, {RecordType::kSeal, 0, 1, 1'795'521'600'000'002}, "");
    CHECK(to_hex(records) ==
          "4c42524306f225154cbb719a050000000100000000000000019027730461060068656c6c6f000000"
          "4c42524395a87db1000000000000000002000000010000000290277304610600");
}

TEST_CASE("what was appended is read in its order, lane by lane", "[spool]") {
    Spool spool;
    for (int i = 0; i < 10; ++i) spool.append("bulk" + std::to_string(i));
    spool.append("urgent", Lane::kSync);
    auto bulk = spool.reader();
    const auto payloads = spool.read_all(*bulk);
    REQUIRE(payloads.size() == 10);
    CHECK(payloads[0] == "bulk0");
    CHECK(payloads[9] == "bulk9");
    CHECK(spool.read_all(*spool.reader(Lane::kSync)) == Payloads{"urgent"});
    spool.append("later");
    CHECK(spool.read_all(*bulk) == Payloads{"later"});
    CHECK(spool.damages.empty());
}

TEST_CASE("what is settled is gone, what is not comes again", "[spool]") {
    Spool spool;
    for (const char* text : {"one", "two", "three"}) spool.append(text);
    {
        auto lane = spool.reader();
        const auto records = lane->read({.events_max = 2, .bytes_max = 1000});
        REQUIRE(records->size() == 2);
        CHECK(lane->settle(records->at(1).end).ok());
        CHECK(lane->sync_ledger().ok());
    }
    CHECK(spool.read_all(*spool.reader()) == Payloads{"three"});
    fs::remove(lane_directory(spool.root, kDestination, Lane::kBulk) + "/ledger");
    CHECK(spool.read_all(*spool.reader()).size() == 3);
}

TEST_CASE("segments that are wholly settled are removed, others stay", "[spool]") {
    Spool spool;
    spool.segment_bytes = 4096;
    spool.open_writer();
    const std::string payload(1000, 'x');
    for (int i = 0; i < 20; ++i) spool.append(payload);
    auto lane = spool.reader();
    const auto records = lane->read({.events_max = 12, .bytes_max = 1 << 20});
    REQUIRE(records->size() == 12);
    CHECK(lane->settle(records->back().end).ok());
    CHECK(lane->remove_settled().value() >= 2);
    CHECK(spool.read_all(*lane).size() == 8);
    CHECK(spool.read_all(*spool.reader()).size() == 8);
}

TEST_CASE("a writer that died anywhere in a record leaves a torn tail, and nothing else",
          "[spool]") {
    Spool whole;
    whole.append("first");
    whole.append("second");
    const auto bytes_whole = fs::file_size(whole.segment());
    REQUIRE(bytes_whole > 0);
    const std::uint64_t second_begin = kSegmentHeaderBytes + record_bytes(5);
    for (std::uint64_t cut = second_begin; cut < second_begin + record_bytes(6); cut += 3) {
        INFO("cut at " << cut);
        Spool spool;
        spool.append("first");
        spool.append("second");
        spool.writer.reset();
        // A death between write and sync: the rest never came to the disk.
        const fs::path segment = spool.segment();
        fs::resize_file(segment, cut);
        spool.open_writer();
        spool.append("third");
        CHECK(spool.read_all(*spool.reader()) == Payloads{"first", "third"});
    }
}

TEST_CASE("damage in the middle is set aside and the rest goes on", "[spool]") {
    const std::uint64_t offset = GENERATE(0, 5, 17, 33, 40);
    Spool spool;
    for (const char* text : {"aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", "cccccccccccccccc"})
        spool.append(text);
    CHECK(spool.writer->close().ok());
    flip(spool.segment(), kSegmentHeaderBytes + record_bytes(16) + offset);
    INFO(offset);
    auto lane = spool.reader();
    CHECK(spool.read_all(*lane) == Payloads{"aaaaaaaaaaaaaaaa", "cccccccccccccccc"});
    REQUIRE(spool.damages.size() == 1);
    CHECK(spool.damages[0].bytes == record_bytes(16));
    const auto kept = list_quarantine(env::posix_env(), spool.root);
    REQUIRE(kept->size() == 1);
    CHECK(kept->at(0).bytes == record_bytes(16));
    const auto reports = verify(env::posix_env(), spool.root);
    REQUIRE(reports.ok());
    CHECK(reports->at(0).damages.size() == 1);
}

TEST_CASE("a broken header costs no record", "[spool]") {
    Spool spool;
    spool.append("one");
    spool.append("two");
    CHECK(spool.writer->close().ok());
    flip(spool.segment(), 20);
    CHECK(spool.read_all(*spool.reader()) == Payloads{"one", "two"});
    CHECK(spool.damages.size() == 1);
}

TEST_CASE("bytes of an event never pass for a record", "[spool]") {
    Spool spool;
    std::string forged;
    append_record(forged, 0, {RecordType::kEvent, 4, 0, 1}, "evil");
    spool.append("before" + forged + forged);
    spool.append("after");
    CHECK(spool.writer->close().ok());
    // The outer record breaks: reading looks for the next one, and must not find the forged ones.
    flip(spool.segment(), kSegmentHeaderBytes + 2);
    CHECK(spool.read_all(*spool.reader()) == Payloads{"after"});
}

TEST_CASE("a lane is opened without a look at the others", "[spool]") {
    test::SimDisk disk(1);
    test::SimClock clock;
    test::SimEnv env(disk, clock);
    SpoolWriterOptions options;
    options.root = "/spool";
    options.open_lanes_max = 2;  // lanes are closed and opened again
    auto writer = SpoolWriter::open(env, options);
    REQUIRE(writer.ok());
    env.fault = [&](test::Call call, const std::string& path) {
        if (call == test::Call::kList) CHECK(path != options.root);
        return 0;
    };
    for (int i = 0; i < 12; ++i) {
        const Destination destination{"host" + std::to_string(i % 4) + ".example.org", 9000};
        AppendItem item{&destination, Lane::kBulk, "event", {}};
        (*writer)->append({&item, 1});
        CHECK(item.status.ok());
    }
}

TEST_CASE("names of destinations come back from their directories", "[spool]") {
    for (const char* text :
         {"lb.example.org:9000", "[2001:db8::1]:9000", "UPPER_case:1", "a/../b:2"}) {
        const auto destination = Destination::parse(text);
        REQUIRE(destination.ok());
        CHECK(destination->directory_name().find('/') == std::string::npos);
        CHECK(Destination::of_directory_name(destination->directory_name()) == *destination);
    }
    CHECK_FALSE(Destination::of_directory_name("quarantine"));
    CHECK_FALSE(Destination::parse("nohost").ok());
    CHECK_FALSE(Destination::parse("h:0").ok());
}

TEST_CASE("a ring arrives also when its reasons are cut inside a character") {
    const Spool spool;
    const std::string logd = spool.root + "/logd";
    const std::string interlogd = spool.root + "/interlogd";
    const auto listening = Doorbell::open(logd, interlogd);
    const auto ringing = Doorbell::open(interlogd, logd);
    REQUIRE(listening.ok());
    REQUIRE(ringing.ok());
    Ring ring;
    for (std::size_t bytes = 120; bytes < 130; ++bytes)
        ring.settled.push_back({"id", 5, std::string(bytes, 'a') + "\u00e9\u00e9\u00e9\u00e9"});
    REQUIRE((*ringing)->ring(ring));
    CHECK((*listening)->take().settled.size() == ring.settled.size());
}

TEST_CASE("keeping a span costs the same however many are kept") {
    test::SimDisk disk(1);
    test::SimClock clock;
    test::SimEnv env(disk, clock);
    Quarantine quarantine(env, "/spool", 1'000);
    const auto calls_of = [&](int number) {
        const std::uint64_t before = env.calls();
        REQUIRE(quarantine.keep(std::to_string(number), "bytes", "why").ok());
        return env.calls() - before;
    };
    calls_of(0);
    const std::uint64_t second = calls_of(1);
    for (int i = 2; i < 199; ++i) calls_of(i);
    CHECK(calls_of(199) <= second);
    CHECK(quarantine.keep("one more", "bytes", "why").error().code == ErrorCode::kFull);
    CHECK(quarantine.keep("7", "bytes", "why").ok());  // it is there already
    SECTION("what people remove makes room, a little later") {
        REQUIRE(env.remove_file("/spool/quarantine/7.span").ok());
        clock.pass_us(61'000'000);
        CHECK(quarantine.keep("one more", "bytes", "why").ok());
    }
}
