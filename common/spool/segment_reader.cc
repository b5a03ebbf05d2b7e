#include "common/spool/segment_reader.h"

#include <algorithm>

#include "common/base/little_endian.h"

namespace lb::spool {

namespace {

// Read at once. Small, because an interlogd may have thousands of lanes open.
constexpr std::size_t kReadBytes = 64 * 1024;

std::uint64_t align_up(std::uint64_t offset) {
    return (offset + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}

}  // namespace

// What stands at one offset.
struct SegmentReader::Found {
    Parse parse = Parse::kEmpty;
    RecordHeader header;
    std::string_view payload;  // of kRecord; valid until the next look
};

Result<std::unique_ptr<SegmentReader>> SegmentReader::open(env::Env& env,
                                                           const std::string& directory,
                                                           const SegmentName& name) {
    LB_TRY_ASSIGN(auto file,
                  env.open_file(directory + "/" + name.to_string(), env::OpenMode::kRead));
    auto reader = std::unique_ptr<SegmentReader>(new SegmentReader(name, std::move(file)));
    LB_TRY(reader->load_header());
    return reader;
}

Status SegmentReader::load_header() {
    std::string bytes(kSegmentHeaderBytes, '\0');
    LB_TRY_ASSIGN(const std::size_t count, file_->read_at(0, bytes));
    auto header = decode_segment_header(std::string_view(bytes).substr(0, count));
    if (!header.ok())
        header_error_ = header.error();
    else if (header->name != name_)
        header_error_ = Error{ErrorCode::kCorrupt,
                              "segment header: it names segment " + header->name.to_string()};
    else
        header_ = *header;
    return {};
}

void SegmentReader::seek(std::uint64_t offset) {
    cursor_ = std::max<std::uint64_t>(offset, kSegmentHeaderBytes);
    if (cursor_ == kSegmentHeaderBytes)
        next_index_ = 0;
    else
        next_index_.reset();
}

void SegmentReader::refresh() {
    std::string().swap(buffer_);
}

void SegmentReader::skip(const Damage& damage) {
    cursor_ = damage.offset + damage.bytes;
    next_index_.reset();
}

// At least `bytes` at `offset`, fewer only at the end of the file.
Result<std::string_view> SegmentReader::view_at(std::uint64_t offset, std::size_t bytes) {
    const bool is_inside = offset >= buffer_offset_ && offset - buffer_offset_ <= buffer_.size();
    if (!is_inside || buffer_.size() - (offset - buffer_offset_) < bytes) {
        buffer_.resize(std::max(bytes, kReadBytes));
        buffer_offset_ = offset;
        auto count = file_->read_at(offset, buffer_);
        buffer_.resize(count.ok() ? *count : 0);
        LB_TRY(count);
    }
    return std::string_view(buffer_).substr(offset - buffer_offset_);
}

Result<SegmentReader::Found> SegmentReader::look_at(std::uint64_t offset) {
    Found found;
    LB_TRY_ASSIGN(std::string_view bytes, view_at(offset, kRecordHeaderBytes));
    found.parse = parse_record(bytes, name_.seed, found.header);
    if (found.parse == Parse::kPartial && bytes.size() >= kRecordHeaderBytes) {
        LB_TRY_ASSIGN(bytes, view_at(offset, record_bytes(found.header.payload_bytes)));
        found.parse = parse_record(bytes, name_.seed, found.header);
    }
    if (found.parse == Parse::kRecord)
        found.payload = bytes.substr(kRecordHeaderBytes, found.header.payload_bytes);
    return found;
}

bool SegmentReader::is_in_sequence(const RecordHeader& header) const {
    return !next_index_ || header.index == *next_index_;
}

Result<ReadStop> SegmentReader::next(SegmentLife life, Record& record, Damage& damage) {
    LB_TRY_ASSIGN(const Found found, look_at(cursor_));
    if (found.parse == Parse::kEmpty && life == SegmentLife::kLive) return ReadStop::kEnd;
    if (found.parse != Parse::kRecord || !is_in_sequence(found.header))
        return explain(found, damage);
    if (found.header.type == RecordType::kSeal) return ReadStop::kSealed;
    record.begin = cursor();
    record.index = found.header.index;
    record.appended_us = found.header.appended_us;
    record.payload = found.payload;
    cursor_ += record_bytes(found.payload.size());
    next_index_ = found.header.index + 1;
    record.end = cursor();
    return ReadStop::kRecord;
}

// Something other than the next record stands at the cursor: the end if no good record follows,
// else damage.
Result<ReadStop> SegmentReader::explain(const Found& found, Damage& damage) {
    std::uint64_t from = cursor_ + kRecordAlignment;
    if (found.parse == Parse::kBrokenPayload)
        from = cursor_ + record_bytes(found.header.payload_bytes);
    else if (found.parse == Parse::kRecord)
        from = cursor_;  // good, but out of sequence: events before it are missing
    RecordHeader header;
    LB_TRY_ASSIGN(const auto good, find_record(from, header));
    if (!good) return ReadStop::kEnd;
    damage = Damage{name_.number, cursor_, *good - cursor_, std::nullopt, {}};
    if (next_index_) damage.events_lost = header.index - *next_index_;
    switch (found.parse) {
        case Parse::kRecord:
            damage.reason = "events are missing before this place";
            break;
        case Parse::kEmpty:
            damage.reason = "zeros before a good record";
            break;
        case Parse::kPartial:
            damage.reason = "a record longer than its segment";
            break;
        case Parse::kBrokenHeader:
            damage.reason = "no record begins here";
            break;
        case Parse::kBrokenPayload:
            damage.reason = "record checksum does not match";
            break;
    }
    return ReadStop::kDamage;
}

// The first good record at or after `offset` that can follow what was read so far.
Result<std::optional<std::uint64_t>> SegmentReader::find_record(std::uint64_t offset,
                                                                RecordHeader& header) {
    for (offset = align_up(offset);; offset += kRecordAlignment) {
        LB_TRY_ASSIGN(const std::string_view bytes, view_at(offset, kRecordHeaderBytes));
        if (bytes.size() < kRecordHeaderBytes) return std::optional<std::uint64_t>();
        if (load_little_endian<std::uint32_t>(bytes.data()) != kRecordMagic) continue;
        LB_TRY_ASSIGN(const Found found, look_at(offset));
        if (found.parse != Parse::kRecord) continue;
        if (next_index_ && found.header.index < *next_index_) continue;
        header = found.header;
        return std::optional<std::uint64_t>(offset);
    }
}

Result<std::string> SegmentReader::read_span(std::uint64_t offset, std::uint64_t bytes) {
    std::string span(bytes, '\0');
    LB_TRY_ASSIGN(const std::size_t count, file_->read_at(offset, span));
    span.resize(count);
    return span;
}

}  // namespace lb::spool
