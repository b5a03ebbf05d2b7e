#include "common/spool/spool_writer.h"

#include <algorithm>

#include "common/base/assert.h"
#include "common/base/little_endian.h"
#include "common/frame/crc32c.h"
#include "common/spool/ledger.h"
#include "common/spool/spool_reader.h"

namespace lb::spool {

namespace {

constexpr std::uint64_t kSegmentGrowth = 4;
constexpr std::int64_t kUsPerSecond = 1'000'000;

// The number of the first segment of this life: greater than any that was ever used in the lane.
// Segments are listed before the ledger is read: what interlogd removes in between has its ledger
// synced.
Result<std::uint64_t> first_number(env::Env& env, const std::string& directory) {
    LB_TRY_ASSIGN(const auto segments, list_segments(env, directory));
    const std::uint64_t newest = segments.empty() ? 0 : segments.back().number;
    const auto settled = read_settled(env, directory);
    if (settled.ok()) return std::max(newest, settled->segment) + 1;
    if (settled.error().code != ErrorCode::kCorrupt) return settled.error();
    // The ledger is lost, and with it the proof of what was used: seconds since 1970 are more than
    // any lane has counted.
    return std::max(newest + 1, static_cast<std::uint64_t>(env.now_us() / kUsPerSecond));
}

}  // namespace

struct SpoolWriter::OpenLane {
    std::string directory;
    std::unique_ptr<SegmentWriter> segment;  // null before the first and after a failed one
    std::uint64_t next_number = 0;
    std::uint64_t next_capacity = 0;
    std::uint64_t last_use = 0;
};

SpoolWriter::SpoolWriter(env::Env& env, SpoolWriterOptions options)
    : env_(env), options_(std::move(options)) {}

SpoolWriter::~SpoolWriter() = default;

Result<std::unique_ptr<SpoolWriter>> SpoolWriter::open(env::Env& env, SpoolWriterOptions options) {
    LB_ASSERT(options.open_lanes_max >= kLanes.size());
    LB_TRY(env::make_directories(env, options.root));
    return std::unique_ptr<SpoolWriter>(new SpoolWriter(env, std::move(options)));
}

Result<SpoolWriter::OpenLane*> SpoolWriter::open_lane(const LaneKey& key) {
    auto found = lanes_.find(key);
    if (found == lanes_.end()) {
        auto lane = std::make_unique<OpenLane>();
        lane->directory = lane_directory(options_.root, key.first, key.second);
        LB_TRY(env::make_directories(env_, lane->directory));
        LB_TRY_ASSIGN(lane->next_number, first_number(env_, lane->directory));
        lane->next_capacity = options_.segment_bytes_min;
        found = lanes_.emplace(key, std::move(lane)).first;
    }
    found->second->last_use = ++use_counter_;
    return found->second.get();
}

// Opens a segment that has room for the payload, sealing a full one.
Status SpoolWriter::ensure_segment(const LaneKey& key, OpenLane& lane, std::size_t payload_bytes) {
    if (lane.segment && lane.segment->has_room(payload_bytes)) return {};
    const std::int64_t now_us = env_.now_us();
    if (lane.segment) {
        // A seal that fails costs nothing: the next segment says as well that this one ended.
        (void)lane.segment->seal(now_us);
        lane.segment.reset();
        lane.next_capacity =
            std::min(lane.next_capacity * kSegmentGrowth, options_.segment_bytes_max);
    }
    SegmentWriterOptions options;
    options.lane_directory = lane.directory;
    options.capacity_bytes = lane.next_capacity;
    options.free_bytes_min = options_.free_bytes_min;
    options.header.lane = key.second;
    options.header.created_us = now_us;
    options.header.destination_crc = frame::crc32c(key.first.to_string());
    options.header.name.number = lane.next_number++;
    char seed[sizeof options.header.name.seed];
    env_.fill_random(seed);
    options.header.name.seed = load_little_endian<std::uint32_t>(seed);
    LB_TRY_ASSIGN(lane.segment, SegmentWriter::create(env_, std::move(options)));
    return {};
}

// Makes what was appended for `items` durable, or gives each of them the reason why not.
void SpoolWriter::commit(OpenLane& lane, std::span<AppendItem*> items) {
    if (items.empty()) return;
    const Status status = lane.segment->commit();
    for (AppendItem* item : items) item->status = status;
    if (status.ok()) return;
    lane.segment->forget();
    if (!lane.segment->is_usable()) lane.segment.reset();
}

void SpoolWriter::append_lane(const LaneKey& key, std::span<AppendItem*> items) {
    const auto fail = [](std::span<AppendItem*> failed, const Error& error) {
        for (AppendItem* item : failed) item->status = error;
    };
    const auto opened = open_lane(key);
    if (!opened.ok()) return fail(items, opened.error());
    OpenLane& lane = **opened;
    const std::int64_t now_us = env_.now_us();
    std::size_t first = 0;  // of the items appended and not committed
    for (std::size_t i = 0; i < items.size(); ++i) {
        const std::size_t payload_bytes = items[i]->payload.size();
        if (!lane.segment || !lane.segment->has_room(payload_bytes)) {
            commit(lane, items.subspan(first, i - first));
            first = i;
            const Status ready = ensure_segment(key, lane, payload_bytes);
            if (!ready.ok()) return fail(items.subspan(first), ready.error());
        }
        lane.segment->append(items[i]->payload, now_us);
    }
    commit(lane, items.subspan(first));
}

std::vector<GrownLane> SpoolWriter::append(std::span<AppendItem> items) {
    std::map<LaneKey, std::vector<AppendItem*>> by_lane;
    const AppendItem* previous = nullptr;
    std::vector<AppendItem*>* list = nullptr;
    for (AppendItem& item : items) {
        LB_ASSERT(item.destination != nullptr && item.payload.size() <= kRecordPayloadBytesMax);
        // Most batches go to one lane: look it up when it changes.
        if (previous == nullptr || previous->lane != item.lane ||
            *previous->destination != *item.destination)
            list = &by_lane[{*item.destination, item.lane}];
        list->push_back(&item);
        previous = &item;
    }
    std::vector<GrownLane> grown;
    for (auto& [key, lane_items] : by_lane) {
        append_lane(key, lane_items);
        const bool is_any_durable =
            std::any_of(lane_items.begin(), lane_items.end(),
                        [](const AppendItem* item) { return item->status.ok(); });
        if (!is_any_durable) continue;
        const auto& segment = lanes_.at(key)->segment;
        grown.push_back({key.first, key.second, segment ? segment->position() : Position{}});
    }
    close_idle_lanes();
    return grown;
}

// Keeps open files bounded: the lanes used longest ago are sealed and forgotten.
void SpoolWriter::close_idle_lanes() {
    while (lanes_.size() > options_.open_lanes_max) {
        const auto oldest = std::min_element(
            lanes_.begin(), lanes_.end(),
            [](const auto& a, const auto& b) { return a.second->last_use < b.second->last_use; });
        if (oldest->second->segment) (void)oldest->second->segment->seal(env_.now_us());
        lanes_.erase(oldest);
    }
}

Status SpoolWriter::close() {
    Status status;
    for (auto& [key, lane] : lanes_) {
        if (!lane->segment) continue;
        const Status sealed = lane->segment->seal(env_.now_us());
        if (!sealed.ok()) status = sealed;
    }
    lanes_.clear();
    return status;
}

}  // namespace lb::spool
