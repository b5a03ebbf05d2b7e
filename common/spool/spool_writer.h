// The writing side of the spool: lb-logd's. Many destinations, two lanes each, one group commit.
// The invariant: an item whose status is ok is durable and will be read; a position never means two
// things, because each life of the writer opens segments with new numbers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/env/env.h"
#include "common/spool/segment_writer.h"
#include "common/spool/spool_format.h"

namespace lb::spool {

struct SpoolWriterOptions {
    std::string root;
    std::uint64_t segment_bytes_min = 64 * 1024;  // a lane's first segment: idle lanes stay small
    std::uint64_t segment_bytes_max =
        16 * 1024 * 1024;                             // each next one is 4 times larger, up to this
    std::uint64_t free_bytes_min = 64 * 1024 * 1024;  // left free on the file system: then kFull
    std::size_t open_lanes_max = 256;                 // the least recently used are sealed
};

// One event to append. `payload` stays the caller's.
struct AppendItem {
    const Destination* destination = nullptr;
    Lane lane = Lane::kBulk;
    std::string_view payload;
    Status status;  // out: ok = durable; kFull; kRetry
};

// A lane that grew by the last append(): what the doorbell tells interlogd.
struct GrownLane {
    Destination destination;
    Lane lane = Lane::kBulk;
    Position end;
};

// One thread at a time: logd's committer.
class SpoolWriter {
  public:
    // Makes the root if it is missing.
    static Result<std::unique_ptr<SpoolWriter>> open(env::Env& env, SpoolWriterOptions options);
    ~SpoolWriter();

    // Appends all items: one write and one sync for each lane among them. Items of one lane keep
    // their order; lanes fail independently.
    std::vector<GrownLane> append(std::span<AppendItem> items);
    // Seals every open segment. At a good end; the spool needs it not.
    Status close();

  private:
    struct OpenLane;
    using LaneKey = std::pair<Destination, Lane>;

    SpoolWriter(env::Env& env, SpoolWriterOptions options);
    Result<OpenLane*> open_lane(const LaneKey& key);
    Status ensure_segment(const LaneKey& key, OpenLane& lane, std::size_t payload_bytes);
    void commit(OpenLane& lane, std::span<AppendItem*> items);
    void append_lane(const LaneKey& key, std::span<AppendItem*> items);
    void close_idle_lanes();

    env::Env& env_;
    SpoolWriterOptions options_;
    std::map<LaneKey, std::unique_ptr<OpenLane>> lanes_;
    std::uint64_t use_counter_ = 0;
};

}  // namespace lb::spool
