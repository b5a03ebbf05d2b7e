// Reads records out of one segment while lb-logd may still be appending to it. A torn tail is the
// normal end of a segment whose writer died; damage with good records after it is reported, with
// its byte count, and skipped. The invariant: nothing is handed out that logd did not write.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/env/env.h"
#include "common/spool/spool_format.h"

namespace lb::spool {

struct Record {
    Position begin;
    Position end;             // settle(end) when this record and all before it are settled
    std::uint32_t index = 0;  // events before it in its segment
    std::int64_t appended_us = 0;
    std::string payload;  // serialized lb.v1.Envelope, verbatim
};

// A span of bytes that is no record.
struct Damage {
    std::uint64_t segment = 0;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    std::optional<std::uint32_t> events_lost;  // where the indices around it tell
    std::string reason;
};

// What reading stopped at.
enum class ReadStop : std::uint8_t {
    kRecord,  // a record was read
    kEnd,     // zeros, a torn record or the end of the file; more may come while the writer lives
    kSealed,  // the seal: nothing will ever follow
    kDamage,  // bytes that do not check, a good record after them
};

// Whether the writer may still be at work in the segment.
enum class SegmentLife : std::uint8_t {
    kLive,   // zeros are the end without a look at what follows them: quick
    kFinal,  // nothing more will be written: zeros before a good record are damage
};

// One thread at a time.
class SegmentReader {
  public:
    // A broken header is no error here: see header_error().
    static Result<std::unique_ptr<SegmentReader>> open(env::Env& env, const std::string& directory,
                                                       const SegmentName& name);

    // Reads at the cursor. kRecord: `record` is filled and the cursor moves behind it. kDamage:
    // `damage` is filled and the cursor stays; skip() moves it to the good record. Otherwise it
    // stays.
    Result<ReadStop> next(SegmentLife life, Record& record, Damage& damage);
    void skip(const Damage& damage);

    // To a place where a record begins or ends; any other gives damage.
    void seek(std::uint64_t offset);
    // Forgets buffered bytes, so that the next read sees what the writer appended meanwhile.
    void refresh();
    [[nodiscard]] Position cursor() const { return {name_.number, cursor_}; }
    [[nodiscard]] const SegmentName& name() const { return name_; }
    // Nothing when it is broken; then header_error() says how (kCorrupt), or that the segment is of
    // a newer format (kUnsupported).
    [[nodiscard]] const std::optional<SegmentHeader>& header() const { return header_; }
    [[nodiscard]] const std::optional<Error>& header_error() const { return header_error_; }
    // `bytes` bytes at `offset`, fewer at the end of the file: for quarantine.
    Result<std::string> read_span(std::uint64_t offset, std::uint64_t bytes);
    Result<std::uint64_t> file_bytes() { return file_->size(); }

  private:
    struct Found;

    SegmentReader(const SegmentName& name, std::unique_ptr<env::File> file)
        : name_(name), file_(std::move(file)) {}
    Status load_header();
    Result<std::string_view> view_at(std::uint64_t offset, std::size_t bytes);
    Result<Found> look_at(std::uint64_t offset);
    Result<std::optional<std::uint64_t>> find_record(std::uint64_t offset, RecordHeader& header);
    Result<ReadStop> explain(const Found& found, Damage& damage);
    [[nodiscard]] bool is_in_sequence(const RecordHeader& header) const;

    SegmentName name_;
    std::unique_ptr<env::File> file_;
    std::optional<SegmentHeader> header_;
    std::optional<Error> header_error_;
    std::string buffer_;
    std::uint64_t buffer_offset_ = 0;
    std::uint64_t cursor_ = kSegmentHeaderBytes;
    std::optional<std::uint32_t> next_index_ = 0;  // of the record at the cursor, where known
};

}  // namespace lb::spool
