// Appends records to one segment. The invariant: after a successful commit() every record appended
// before is durable, file name included, and stays where it is. Used by lb-logd only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/env/env.h"
#include "common/spool/spool_format.h"

namespace lb::spool {

struct SegmentWriterOptions {
    std::string lane_directory;
    SegmentHeader header;
    std::uint64_t capacity_bytes = 0;  // rotate when it is reached; one larger record still fits
    std::uint64_t free_bytes_min = 0;  // stop growing when the file system has less left
};

// One thread at a time.
class SegmentWriter {
  public:
    // Makes the file and makes its name durable. kConflict when the number is taken.
    static Result<std::unique_ptr<SegmentWriter>> create(env::Env& env,
                                                         SegmentWriterOptions options);

    // Room for one more record of this size? An empty segment has room for any record.
    [[nodiscard]] bool has_room(std::size_t payload_bytes) const;
    // Adds to what the next commit() writes. Returns the offset just after the record.
    std::uint64_t append(std::string_view payload, std::int64_t appended_us);
    // Writes and syncs what was appended. kFull: nothing was written, forget() or call again when
    // there is room. Any other error: the segment is abandoned, is_usable() is false from then on.
    Status commit();
    // Drops what was appended since the last commit().
    void forget();
    // Seals: no record will follow. Gives the unused preallocation back. Not usable afterwards.
    Status seal(std::int64_t now_us);

    [[nodiscard]] bool is_usable() const { return is_usable_; }
    // End of what is durable.
    [[nodiscard]] Position position() const { return {options_.header.name.number, end_}; }

  private:
    SegmentWriter(env::Env& env, SegmentWriterOptions options, std::unique_ptr<env::File> file);
    Status extend_to(std::uint64_t bytes);

    env::Env& env_;
    SegmentWriterOptions options_;
    std::unique_ptr<env::File> file_;
    std::string pending_;            // encoded records, not yet written
    std::uint64_t end_ = 0;          // of durable records
    std::uint64_t zeroed_end_ = 0;   // zeros are written up to here
    std::uint32_t event_count_ = 0;  // durable
    std::uint32_t pending_count_ = 0;
    bool is_usable_ = true;
};

}  // namespace lb::spool
