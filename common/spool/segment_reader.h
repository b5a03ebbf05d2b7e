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
    Position end;  // settle(end) when this record and all before it are settled
    std::uint64_t index = 0;
    std::int64_t appended_us = 0;
    std::string payload;  // serialized lb.v1.Envelope, verbatim
};

// A span of bytes that is no record.
struct Damage {
    std::uint64_t segment = 0;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    std::optional<std::uint64_t> records_lost;  // where the indices around it tell
    std::string reason;
};

// What reading stopped at.
enum class ReadStop : std::uint8_t {
    kRecord,  // a record was read
    kEnd,     // zeros, a torn record or the end of the file; more may come while the writer lives
    kSealed,  // the seal: nothing will ever follow
    kDamage,  // bytes that check not, a good record after them
};

// One thread at a time.
class SegmentReader {
  public:
    // kCorrupt when the name is no segment's. A broken header is reported by header_damage().
    static Result<std::unique_ptr<SegmentReader>> open(env::Env& env, const std::string& directory,
                                                       const SegmentName& name);

    // Reads at the cursor. kRecord: `record` is filled and the cursor moves behind it. kDamage:
    // `damage` is filled and the cursor stays; skip_damage() moves it to the good record. Otherwise
    // it stays.
    Result<ReadStop> next(Record& record, Damage& damage);
    void skip_damage(const Damage& damage);

    // Offsets that are no record's beginning or end give damage.
    void seek(std::uint64_t offset);
    [[nodiscard]] Position cursor() const { return {name_.number, cursor_}; }
    [[nodiscard]] const SegmentName& name() const { return name_; }
    // Of the header; nothing when it is broken.
    [[nodiscard]] const std::optional<SegmentHeader>& header() const { return header_; }
    [[nodiscard]] const std::optional<Error>& header_error() const { return header_error_; }
    // Bytes `offset`.. of the file, for quarantine.
    Result<std::string> read_span(std::uint64_t offset, std::uint64_t bytes);
    // Forget buffered bytes: the next read sees what the writer has appended meanwhile.
    void refresh() { buffer_.clear(); }

  private:
    SegmentReader(env::Env& env, SegmentName name, std::unique_ptr<env::File> file);
    Status load_header();
    // At least `bytes` at `offset`, less only at the end of the file.
    Result<std::string_view> view_at(std::uint64_t offset, std::size_t bytes);
    Result<ReadStop> find_next_record(Damage& damage);

    SegmentName name_;
    std::unique_ptr<env::File> file_;
    std::optional<SegmentHeader> header_;
    std::optional<Error> header_error_;
    std::string buffer_;
    std::uint64_t buffer_offset_ = 0;
    std::uint64_t cursor_ = kSegmentHeaderBytes;
    std::optional<std::uint64_t> next_index_;  // of the record at the cursor, where known
};

}  // namespace lb::spool
