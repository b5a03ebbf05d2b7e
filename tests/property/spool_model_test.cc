// The spool beside a model that is obviously right: one list of payloads a lane. Random appends,
// reads, settlements, lost connections and new lives of both programs must look the same on both.
//   LB_SEED=n replays one history, LB_SEEDS=n runs so many.
#include <catch2/catch.hpp>
#include <deque>

#include "common/spool/spool_reader.h"
#include "common/spool/spool_writer.h"
#include "tests/support/seeds.h"
#include "tests/support/sim_disk.h"

using namespace lb;
using namespace lb::test;

namespace {

constexpr char kRoot[] = "/var/spool/lb";
constexpr std::uint64_t kSegmentBytes = 4096;
const spool::Destination kDestination{"lb.example.org", 9000};

// What one lane must be.
struct ModelLane {
    std::deque<std::string> unsettled;
    std::size_t cursor = 0;  // in unsettled
};

struct Lane {
    ModelLane model;
    std::unique_ptr<spool::LaneReader> reader;
    std::deque<spool::Position> ends;  // of what was read and is not settled
};

class History {
  public:
    explicit History(std::uint64_t seed) : random_(seed), disk_(seed), env_(disk_, clock_) {
        open_writer();
        for (const spool::Lane lane : spool::kLanes) open_reader(lane);
    }

    void run() {
        const std::size_t steps = 50 + below(250);
        for (std::size_t i = 0; i < steps; ++i) step();
        for (auto& [id, lane] : lanes_) {
            const auto tail = lane.reader->tail();
            REQUIRE(tail.ok());
            CHECK(tail->events == lane.model.unsettled.size());
            rewind(lane);
            read(id, lane, lane.model.unsettled.size() + 1);
        }
    }

  private:
    std::size_t below(std::size_t end) { return random_() % end; }

    void step() {
        clock_.pass_us(below(2'000'000));
        const spool::Lane id = below(2) == 0 ? spool::Lane::kBulk : spool::Lane::kSync;
        Lane& lane = lanes_[id];
        switch (below(10)) {
            case 0:
            case 1:
            case 2:
                return append();
            case 3:
            case 4:
            case 5:
                return read(id, lane, 1 + below(10));
            case 6:
                return settle(lane);
            case 7:
                return rewind(lane);
            case 8: {
                REQUIRE(lane.reader->remove_settled().ok());
                return;
            }
            default:
                if (below(2) == 0) return open_writer();
                return open_reader(id);
        }
    }

    void open_writer() {
        if (writer_ && below(2) == 0) REQUIRE(writer_->close().ok());
        writer_.reset();
        spool::SpoolWriterOptions options;
        options.root = kRoot;
        options.segment_bytes_min = kSegmentBytes;
        options.segment_bytes_max = 4 * kSegmentBytes;
        options.free_bytes_min = 0;
        options.open_lanes_max = spool::kLanes.size();
        auto opened = spool::SpoolWriter::open(env_, options);
        REQUIRE(opened.ok());
        writer_ = std::move(*opened);
    }

    void open_reader(spool::Lane id) {
        Lane& lane = lanes_[id];
        lane.reader.reset();
        spool::LaneReaderOptions options;
        options.root = kRoot;
        options.id = {kDestination, id};
        options.on_damage = [](const spool::Damage& damage, const std::string&) {
            FAIL("damage: " << damage.reason);
        };
        auto opened = spool::LaneReader::open(env_, options);
        REQUIRE(opened.ok());
        lane.reader = std::move(*opened);
        lane.ends.clear();
        lane.model.cursor = 0;
    }

    void append() {
        std::vector<std::pair<spool::Lane, std::string>> added;
        for (std::size_t i = 0; i <= below(6); ++i)
            added.emplace_back(
                below(2) == 0 ? spool::Lane::kBulk : spool::Lane::kSync,
                std::to_string(++number_) + std::string(below(30) == 0 ? 20'000 : below(900), 'x'));
        std::vector<spool::AppendItem> items;
        for (const auto& [id, payload] : added) items.push_back({&kDestination, id, payload, {}});
        writer_->append(items);
        for (const spool::AppendItem& item : items) REQUIRE(item.status.ok());
        for (auto& [id, payload] : added) lanes_[id].model.unsettled.push_back(payload);
    }

    void read(spool::Lane id, Lane& lane, std::size_t events_max) {
        INFO("lane " << spool::to_string(id));
        const std::size_t left = lane.model.unsettled.size() - lane.model.cursor;
        std::size_t got = 0;
        // A read may give fewer than there are; only an empty one says that there is no more.
        while (got < events_max) {
            const auto records =
                lane.reader->read({.events_max = events_max - got, .bytes_max = 3000});
            REQUIRE(records.ok());
            if (records->empty()) break;
            for (const spool::Record& record : *records) {
                REQUIRE(lane.model.cursor < lane.model.unsettled.size());
                REQUIRE(record.payload == lane.model.unsettled[lane.model.cursor++]);
                lane.ends.push_back(record.end);
                ++got;
            }
        }
        REQUIRE(got == std::min(left, events_max));
    }

    void settle(Lane& lane) {
        if (lane.ends.empty()) return;
        const std::size_t count = 1 + below(lane.ends.size());
        REQUIRE(lane.reader->settle(lane.ends[count - 1]).ok());
        lane.ends.erase(lane.ends.begin(), lane.ends.begin() + static_cast<std::ptrdiff_t>(count));
        for (std::size_t i = 0; i < count; ++i) lane.model.unsettled.pop_front();
        lane.model.cursor -= count;
    }

    static void rewind(Lane& lane) {
        lane.reader->rewind(lane.reader->settled());
        lane.ends.clear();
        lane.model.cursor = 0;
    }

    std::mt19937_64 random_;
    SimDisk disk_;
    SimClock clock_;
    SimEnv env_;
    std::unique_ptr<spool::SpoolWriter> writer_;
    std::map<spool::Lane, Lane> lanes_;
    std::uint64_t number_ = 0;
};

}  // namespace

TEST_CASE("a spool is a list of what is not settled", "[spool][model]") {
    for (const std::uint64_t seed : seeds(150)) {
        INFO("repeat with LB_SEED=" << seed);
        History(seed).run();
    }
}
