// The reading side of the spool: lb-interlogd's. It reads records in order, settles them, removes
// segments that are wholly settled. The invariant: a segment goes only after the ledger that passed
// it is durable, so every acknowledged event is in the spool or settled.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/env/env.h"
#include "common/spool/ledger.h"
#include "common/spool/quarantine.h"
#include "common/spool/segment_reader.h"
#include "common/spool/spool_format.h"

namespace lb::spool {

// A lane found on disk.
struct LaneId {
    Destination destination;
    Lane lane = Lane::kBulk;

    auto operator<=>(const LaneId&) const = default;
};

// Every lane that has a directory under `root`. Names that are no destination's are passed over.
Result<std::vector<LaneId>> list_lanes(env::Env& env, const std::string& root);
// Segments of a lane, oldest first.
Result<std::vector<SegmentName>> list_segments(env::Env& env, const std::string& lane_directory);

struct ReadLimits {
    std::size_t events_max = 1024;
    std::size_t bytes_max = 4 * 1024 * 1024;  // payload; one larger record is still returned
};

// Called for every span that was set aside: log it and count it. `kept_in` is the file that has the
// bytes now, empty when the quarantine is full or cannot be written.
using DamageCallback = std::function<void(const Damage& damage, const std::string& kept_in)>;

struct LaneReaderOptions {
    std::string root;
    LaneId id;
    DamageCallback on_damage;  // may be empty
    std::uint64_t quarantine_bytes_max =
        64 * 1024 * 1024;  // in <root>/quarantine, all lanes together
    std::uint64_t suspect_us =
        1'000'000;  // damage in the newest segment counts when it lasts so long
};

struct LaneTail {
    std::uint64_t events = 0;    // not settled
    std::uint64_t bytes = 0;     // of their payloads
    std::int64_t oldest_us = 0;  // when the oldest unsettled event was appended; 0 = none
    std::uint64_t segments = 0;
};

// One lane. One thread at a time. Opens as well on a lane directory that does not exist yet.
class LaneReader {
  public:
    static Result<std::unique_ptr<LaneReader>> open(env::Env& env, LaneReaderOptions options);

    // The next records at the cursor, oldest first; empty when there is nothing more now.
    // kUnsupported when a segment is of a newer format: it stays untouched.
    Result<std::vector<Record>> read(const ReadLimits& limits);
    // Where read() goes on. Begins at the settled position.
    [[nodiscard]] Position cursor() const { return cursor_; }
    // Read again from here: after a lost connection, from settled() or an unsettled record's begin.
    void rewind(Position position);

    [[nodiscard]] Position settled() const;
    // Everything before `position` (a Record's end, or the cursor) is settled.
    Status settle(Position position);
    // Syncs the ledger if it moved. Losing it costs only sending again: once a second is plenty.
    Status sync_ledger();
    // Removes segments that are wholly settled, after syncing the ledger. How many.
    Result<std::size_t> remove_settled();

    // Counts what is not settled. Reads the segments, which may be many: for people.
    Result<LaneTail> tail();
    // When the oldest unsettled event was appended; 0 = none. Reads that one.
    Result<std::int64_t> oldest_us();
    // Bytes of the segments' files from the settled position on: quick, and about what is left.
    Result<std::uint64_t> unsettled_file_bytes();

  private:
    // How long reading has stood at one place.
    struct Standstill {
        Position place;
        std::uint64_t since_us = 0;

        bool is_lasting(Position now_place, std::uint64_t now_us, std::uint64_t us);
    };

    LaneReader(env::Env& env, LaneReaderOptions options);
    std::unique_ptr<LaneReader> onlooker();
    Result<bool> open_segment();
    Result<bool> step(std::vector<Record>& records, const ReadLimits& limits, std::size_t& bytes);
    Result<bool> at_end();
    Result<bool> at_damage(const Damage& damage);
    void finish_segment();
    Result<bool> has_newer_segment();
    Status check_header();
    void report(const Damage& damage);
    Status ensure_ledger();

    env::Env& env_;
    LaneReaderOptions options_;
    std::string directory_;
    Quarantine quarantine_;
    std::unique_ptr<Ledger> ledger_;  // opened by the first settle()
    Position settled_;
    std::unique_ptr<SegmentReader> segment_;
    Position cursor_;
    Position last_end_;  // of the last record handed out, or where reading began
    SegmentLife life_ = SegmentLife::kLive;  // of segment_
    bool is_header_reported_ = false;        // of segment_
    bool is_fresh_ = false;                  // what segment_ has buffered is of this read()
    // Ends of segments that were read to their end and are not settled yet.
    std::map<std::uint64_t, std::uint64_t> finished_;
    Standstill still_;               // at the end of the newest segment
    Standstill suspect_;             // at damage in the newest segment
    bool is_still_checked_ = false;  // what is behind still_
};

}  // namespace lb::spool
