#include "common/spool/spool_reader.h"

#include <algorithm>
#include <utility>

#include "common/base/assert.h"
#include "common/frame/crc32c.h"

namespace lb::spool {

Result<std::vector<LaneId>> list_lanes(env::Env& env, const std::string& root) {
    std::vector<LaneId> lanes;
    LB_TRY_ASSIGN(const auto names, env.list_directory(root));
    for (const std::string& name : names) {
        const auto destination = Destination::of_directory_name(name);
        if (!destination) continue;
        auto inner = env.list_directory(root + "/" + name);
        if (!inner.ok()) continue;  // a file of that name
        for (const std::string& inner_name : *inner)
            if (const auto lane = lane_of(inner_name)) lanes.push_back({*destination, *lane});
    }
    std::sort(lanes.begin(), lanes.end());
    return lanes;
}

Result<std::vector<SegmentName>> list_segments(env::Env& env, const std::string& lane_directory) {
    std::vector<SegmentName> segments;
    auto names = env.list_directory(lane_directory);
    if (!names.ok() && names.error().code == ErrorCode::kNotFound) return segments;
    LB_TRY(names);
    for (const std::string& name : *names)
        if (const auto segment = SegmentName::parse(name)) segments.push_back(*segment);
    std::sort(segments.begin(), segments.end());
    return segments;
}

LaneReader::LaneReader(env::Env& env, LaneReaderOptions options)
    : env_(env),
      options_(std::move(options)),
      directory_(lane_directory(options_.root, options_.id.destination, options_.id.lane)),
      quarantine_(env, options_.root, options_.quarantine_bytes_max) {}

Result<std::unique_ptr<LaneReader>> LaneReader::open(env::Env& env, LaneReaderOptions options) {
    auto reader = std::unique_ptr<LaneReader>(new LaneReader(env, std::move(options)));
    auto settled = read_settled(env, reader->directory_);
    if (!settled.ok() && settled.error().code != ErrorCode::kCorrupt) return settled.error();
    // A lost ledger: everything that is left is sent again.
    if (settled.ok()) reader->settled_ = *settled;
    reader->rewind(reader->settled_);
    return reader;
}

Result<std::vector<Record>> LaneReader::read(const ReadLimits& limits) {
    std::vector<Record> records;
    std::size_t bytes = 0;
    is_fresh_ = false;
    while (records.size() < limits.events_max) {
        auto is_more = step(records, limits, bytes);
        // What was read before the error is good; the error comes again with the next call. The
        // file is opened anew then: its disk may have been mended.
        if (!is_more.ok()) segment_.reset();
        if (!is_more.ok() && records.empty()) return is_more.error();
        if (!is_more.ok() || !*is_more) break;
    }
    // At the end of what there is: keep no file open, a lane may stay idle for days.
    if (records.empty()) segment_.reset();
    return records;
}

// One step of reading; false when there is nothing more now or the limits are reached.
Result<bool> LaneReader::step(std::vector<Record>& records, const ReadLimits& limits,
                              std::size_t& bytes) {
    if (!segment_) {
        LB_TRY_ASSIGN(const bool is_open, open_segment());
        if (!is_open) return false;
    }
    Record record;
    Damage damage;
    LB_TRY_ASSIGN(const ReadStop stop, segment_->next(life_, record, damage));
    const bool is_good = stop == ReadStop::kRecord || stop == ReadStop::kSealed;
    if (!is_good && life_ == SegmentLife::kLive && !std::exchange(is_fresh_, true)) {
        // The writer may have appended since these bytes were buffered: look again.
        segment_->refresh();
        return true;
    }
    switch (stop) {
        case ReadStop::kSealed:
            finish_segment();
            return true;
        case ReadStop::kEnd:
            return at_end();
        case ReadStop::kDamage:
            return at_damage(damage);
        case ReadStop::kRecord:
            break;
    }
    if (!records.empty() && bytes + record.payload.size() > limits.bytes_max) {
        segment_->seek(record.begin.offset);
        return false;
    }
    LB_TRY(check_header());
    bytes += record.payload.size();
    cursor_ = record.end;
    last_end_ = record.end;
    records.push_back(std::move(record));
    return true;
}

// Opens the oldest segment at or after the cursor; false when there is none.
Result<bool> LaneReader::open_segment() {
    LB_TRY_ASSIGN(const auto segments, list_segments(env_, directory_));
    const auto found =
        std::find_if(segments.begin(), segments.end(),
                     [this](const SegmentName& name) { return name.number >= cursor_.segment; });
    if (found == segments.end()) return false;
    LB_TRY_ASSIGN(auto segment, SegmentReader::open(env_, directory_, *found));
    const auto& header_error = segment->header_error();
    if (header_error && header_error->code == ErrorCode::kUnsupported)
        return header_error->within(directory_ + "/" + found->to_string());
    if (found->number != cursor_.segment) cursor_ = {found->number, 0};
    segment->seek(cursor_.offset);
    cursor_ = segment->cursor();
    segment_ = std::move(segment);
    is_fresh_ = true;
    life_ = found + 1 == segments.end() ? SegmentLife::kLive : SegmentLife::kFinal;
    is_header_reported_ = cursor_.offset > kSegmentHeaderBytes;
    return true;
}

// The first good record of a segment whose header is broken: say so, once. The file's name has what
// reading needs, so no event is lost by it.
Status LaneReader::check_header() {
    if (is_header_reported_) return {};
    is_header_reported_ = true;
    Damage damage{segment_->name().number, 0, kSegmentHeaderBytes, 0, {}};
    if (segment_->header_error()) {
        damage.reason = segment_->header_error()->text;
        report(damage);
    } else if (segment_->header()->lane != options_.id.lane ||
               segment_->header()->destination_crc !=
                   frame::crc32c(options_.id.destination.to_string())) {
        damage.reason = "segment header: it is of another destination or lane";
        report(damage);
    }
    return {};
}

// The segment at the cursor is read to its end and will not grow.
void LaneReader::finish_segment() {
    const std::uint64_t number = cursor_.segment;
    const std::uint64_t last_end = last_end_.segment == number ? last_end_.offset : 0;
    cursor_ = {number + 1, 0};
    segment_.reset();
    finished_[number] = last_end;
    // All of it may be settled already; a failure comes again with the next settle().
    if (settled_.segment == number && settled_.offset >= last_end) (void)settle(settled_);
}

Result<bool> LaneReader::has_newer_segment() {
    LB_TRY_ASSIGN(const auto segments, list_segments(env_, directory_));
    return !segments.empty() && segments.back().number > cursor_.segment;
}

// No record at the cursor, none behind it.
Result<bool> LaneReader::at_end() {
    if (life_ == SegmentLife::kFinal) {
        finish_segment();
        return true;
    }
    LB_TRY_ASSIGN(const bool is_final, has_newer_segment());
    if (is_final) {
        // What the writer appended before it went on to the newer one is read first.
        life_ = SegmentLife::kFinal;
        segment_->refresh();
        return true;
    }
    segment_->refresh();
    if (still_.place != cursor_) is_still_checked_ = false;
    if (is_still_checked_) return false;
    if (!still_.is_lasting(cursor_, env_.monotonic_us(), options_.suspect_us)) return false;
    // Nothing came for a while: look, once, whether good records stand behind the zeros.
    Record record;
    Damage damage;
    LB_TRY_ASSIGN(const ReadStop stop, segment_->next(SegmentLife::kFinal, record, damage));
    if (stop == ReadStop::kDamage) return at_damage(damage);
    is_still_checked_ = true;
    segment_->seek(cursor_.offset);  // the writer may have come in between: it is read next time
    return false;
}

// In the newest segment the writer may be in the middle of a write: damage counts when it lasts.
Result<bool> LaneReader::at_damage(const Damage& damage) {
    if (life_ == SegmentLife::kLive) {
        LB_TRY_ASSIGN(const bool is_final, has_newer_segment());
        const bool is_lasting =
            suspect_.is_lasting(cursor_, env_.monotonic_us(), options_.suspect_us);
        if (is_final) life_ = SegmentLife::kFinal;
        if (is_final || !is_lasting) segment_->refresh();
        if (is_final) return true;
        if (!is_lasting) return false;
    }
    report(damage);
    segment_->skip(damage);
    cursor_ = segment_->cursor();
    return true;
}

// Has `now_place` been the place for `us` microseconds?
bool LaneReader::Standstill::is_lasting(Position now_place, std::uint64_t now_us,
                                        std::uint64_t us) {
    if (place != now_place) {
        place = now_place;
        since_us = now_us;
    }
    return now_us - since_us >= us;
}

void LaneReader::report(const Damage& damage) {
    const std::string name = options_.id.destination.directory_name() + "." +
                             std::string(to_string(options_.id.lane)) + "." +
                             segment_->name().to_string() + "." + std::to_string(damage.offset);
    std::string kept_in;
    auto bytes = segment_->read_span(damage.offset, damage.bytes);
    if (bytes.ok()) {
        auto kept = quarantine_.keep(name, *bytes, damage.reason);
        if (kept.ok()) kept_in = *kept;
    }
    if (options_.on_damage) options_.on_damage(damage, kept_in);
}

void LaneReader::rewind(Position position) {
    segment_.reset();
    cursor_ = std::max(position, settled_);
    last_end_ = cursor_;
}

Status LaneReader::ensure_ledger() {
    if (ledger_) return {};
    LB_TRY_ASSIGN(ledger_, Ledger::open(env_, directory_));
    return {};
}

Status LaneReader::settle(Position position) {
    // The end of a segment that is read to its end is the beginning of the next: then it can go.
    const auto finished = finished_.find(position.segment);
    if (finished != finished_.end() && position.offset >= finished->second)
        position = {position.segment + 1, 0};
    if (position <= settled_) return {};
    LB_TRY(ensure_ledger());
    LB_TRY(ledger_->settle(position));
    settled_ = position;
    finished_.erase(finished_.begin(), finished_.lower_bound(settled_.segment));
    return {};
}

Status LaneReader::sync_ledger() {
    return ledger_ ? ledger_->sync() : Status{};
}

Position LaneReader::settled() const {
    return settled_;
}

Result<std::size_t> LaneReader::remove_settled() {
    LB_TRY_ASSIGN(const auto segments, list_segments(env_, directory_));
    std::size_t count = 0;
    for (const SegmentName& segment : segments) {
        if (segment.number >= settled_.segment) break;
        LB_TRY(ensure_ledger());
        LB_TRY(sync_ledger());
        LB_TRY(env_.remove_file(directory_ + "/" + segment.to_string()));
        ++count;
    }
    return count;
}

Result<std::uint64_t> LaneReader::unsettled_file_bytes() {
    LB_TRY_ASSIGN(const auto segments, list_segments(env_, directory_));
    std::uint64_t bytes = 0;
    for (const SegmentName& segment : segments) {
        if (segment.number < settled_.segment) continue;
        LB_TRY_ASSIGN(const auto file,
                      env_.open_file(directory_ + "/" + segment.to_string(), env::OpenMode::kRead));
        LB_TRY_ASSIGN(const std::uint64_t size, file->size());
        const std::uint64_t settled = segment.number == settled_.segment ? settled_.offset : 0;
        bytes += size - std::min(settled, size);
    }
    return bytes;
}

// Reads what is not settled, from the first, and changes nothing.
std::unique_ptr<LaneReader> LaneReader::onlooker() {
    LaneReaderOptions options = options_;
    options.on_damage = nullptr;
    options.quarantine_bytes_max = 0;
    options.suspect_us = 0;
    std::unique_ptr<LaneReader> reader(new LaneReader(env_, std::move(options)));
    reader->settled_ = settled_;
    reader->rewind(settled_);
    return reader;
}

Result<std::int64_t> LaneReader::oldest_us() {
    LB_TRY_ASSIGN(const auto records, onlooker()->read({.events_max = 1}));
    return records.empty() ? 0 : records.front().appended_us;
}

Result<LaneTail> LaneReader::tail() {
    const auto counter = onlooker();
    LaneTail tail;
    LB_TRY_ASSIGN(const auto segments, list_segments(env_, directory_));
    for (const SegmentName& segment : segments)
        if (segment.number >= settled_.segment) ++tail.segments;
    for (;;) {
        LB_TRY_ASSIGN(const auto records, counter->read({}));
        if (records.empty()) return tail;
        if (tail.events == 0) tail.oldest_us = records.front().appended_us;
        tail.events += records.size();
        for (const Record& record : records) tail.bytes += record.payload.size();
    }
}

}  // namespace lb::spool
