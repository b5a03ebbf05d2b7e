#include "common/spool/inspect.h"

#include <algorithm>
#include <iterator>

namespace lb::spool {

namespace {

Result<std::unique_ptr<LaneReader>> open_lane(env::Env& env, const std::string& root,
                                              const LaneId& id) {
    LaneReaderOptions options;
    options.root = root;
    options.id = id;
    options.quarantine_bytes_max = 0;  // looking changes nothing
    options.suspect_us = 0;
    return LaneReader::open(env, std::move(options));
}

// Bytes from `offset` to the last one that is not zero.
Result<std::uint64_t> torn_bytes(SegmentReader& segment, std::uint64_t offset) {
    LB_TRY_ASSIGN(const std::uint64_t size, segment.file_bytes());
    if (size <= offset) return std::uint64_t{0};
    LB_TRY_ASSIGN(const std::string rest, segment.read_span(offset, size - offset));
    const auto last = rest.find_last_not_of('\0');
    return last == std::string::npos ? std::uint64_t{0} : std::uint64_t{last + 1};
}

Result<SegmentReport> verify_segment(env::Env& env, const std::string& root, const LaneId& id,
                                     const SegmentName& name) {
    SegmentReport report;
    report.id = id;
    report.name = name;
    const std::string directory = lane_directory(root, id.destination, id.lane);
    LB_TRY_ASSIGN(const auto segment, SegmentReader::open(env, directory, name));
    LB_TRY_ASSIGN(report.file_bytes, segment->file_bytes());
    if (const auto& error = segment->header_error())
        report.damages.push_back({name.number, 0, kSegmentHeaderBytes, 0, error->text});
    Record record;
    Damage damage;
    for (;;) {
        LB_TRY_ASSIGN(const ReadStop stop, segment->next(SegmentLife::kFinal, record, damage));
        switch (stop) {
            case ReadStop::kRecord:
                ++report.events;
                break;
            case ReadStop::kDamage:
                report.damages.push_back(damage);
                segment->skip(damage);
                break;
            case ReadStop::kSealed:
                report.is_sealed = true;
                return report;
            case ReadStop::kEnd:
                LB_TRY_ASSIGN(report.tail_bytes, torn_bytes(*segment, segment->cursor().offset));
                return report;
        }
    }
}

}  // namespace

Result<std::vector<LaneSummary>> summarize(env::Env& env, const std::string& root) {
    std::vector<LaneSummary> rows;
    LB_TRY_ASSIGN(const auto lanes, list_lanes(env, root));
    for (const LaneId& id : lanes) {
        LB_TRY_ASSIGN(const auto reader, open_lane(env, root, id));
        LB_TRY_ASSIGN(const LaneTail tail, reader->tail());
        rows.push_back({id, reader->settled(), tail});
    }
    return rows;
}

Result<std::vector<SegmentReport>> verify(env::Env& env, const std::string& root) {
    std::vector<SegmentReport> reports;
    LB_TRY_ASSIGN(const auto lanes, list_lanes(env, root));
    for (const LaneId& id : lanes) {
        const std::string directory = lane_directory(root, id.destination, id.lane);
        LB_TRY_ASSIGN(const auto segments, list_segments(env, directory));
        for (const SegmentName& name : segments) {
            auto report = verify_segment(env, root, id, name);
            // Removed by lb-interlogd since it was listed.
            if (!report.ok() && report.error().code == ErrorCode::kNotFound) continue;
            LB_TRY(report);
            reports.push_back(std::move(report).value());
        }
    }
    return reports;
}

Status visit_records(env::Env& env, const std::string& root, const LaneId& id,
                     const std::function<bool(const Record&)>& visit) {
    LB_TRY_ASSIGN(const auto reader, open_lane(env, root, id));
    for (;;) {
        LB_TRY_ASSIGN(const auto records, reader->read({}));
        if (records.empty()) return {};
        for (const Record& record : records)
            if (!visit(record)) return {};
    }
}

Result<std::vector<QuarantinedSpan>> list_quarantine(env::Env& env, const std::string& root) {
    LB_TRY_ASSIGN(auto spans, Quarantine(env, root, 0).list());
    LB_TRY_ASSIGN(auto dropped, Quarantine(env, root + "/" + kDroppedFilesDirectory, 0).list());
    std::move(dropped.begin(), dropped.end(), std::back_inserter(spans));
    return spans;
}

}  // namespace lb::spool
