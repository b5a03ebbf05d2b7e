#include "common/spool/segment_writer.h"

#include <algorithm>

#include "common/base/assert.h"

namespace lb::spool {

namespace {

// Zeros are written this far ahead of the records: a sync of blocks that are allocated already
// costs half of one that allocates them. A sixteenth of the segment, so that idle lanes stay small.
constexpr std::uint64_t kZeroStepBytesMin = 4096;
constexpr std::uint64_t kZeroStepBytesMax = 1024 * 1024;

std::uint64_t zero_step(std::uint64_t capacity_bytes) {
    return std::clamp(capacity_bytes / 16, kZeroStepBytesMin, kZeroStepBytesMax);
}

}  // namespace

SegmentWriter::SegmentWriter(env::Env& env, SegmentWriterOptions options,
                             std::unique_ptr<env::File> file)
    : env_(env),
      options_(std::move(options)),
      file_(std::move(file)),
      end_(kSegmentHeaderBytes),
      zeroed_end_(kSegmentHeaderBytes) {}

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::create(env::Env& env,
                                                             SegmentWriterOptions options) {
    const std::string path = options.lane_directory + "/" + options.header.name.to_string();
    LB_TRY_ASSIGN(const std::uint64_t free_bytes, env.free_bytes(options.lane_directory));
    if (free_bytes < options.free_bytes_min)
        return Error{ErrorCode::kFull, "the file system of " + options.lane_directory +
                                           " has only " + std::to_string(free_bytes) +
                                           " bytes free; free_bytes_min says to leave " +
                                           std::to_string(options.free_bytes_min)};
    LB_TRY_ASSIGN(auto file, env.open_file(path, env::OpenMode::kCreateNew));
    const auto header = encode_segment_header(options.header);
    const std::string directory = options.lane_directory;
    auto writer =
        std::unique_ptr<SegmentWriter>(new SegmentWriter(env, std::move(options), std::move(file)));
    Status status = writer->file_->write_at(0, {header.data(), header.size()});
    if (status.ok()) status = writer->extend_to(kSegmentHeaderBytes + 1);
    // The name is durable from here; the header becomes so with the first commit.
    if (status.ok()) status = env.sync_directory(directory);
    if (status.ok()) return writer;
    (void)env.remove_file(path);  // without records it is of no use; the reader would pass over it
    return status.error();
}

bool SegmentWriter::has_room(std::size_t payload_bytes) const {
    if (event_count_ + pending_count_ == 0) return true;
    return end_ + pending_.size() + record_bytes(payload_bytes) + record_bytes(0) <=
           options_.capacity_bytes;
}

std::uint64_t SegmentWriter::append(std::string_view payload, std::int64_t appended_us) {
    LB_ASSERT(is_usable_);
    RecordHeader header;
    header.index = event_count_ + pending_count_;
    header.appended_us = appended_us;
    append_record(pending_, options_.header.name.seed, header, payload);
    ++pending_count_;
    return end_ + pending_.size();
}

Status SegmentWriter::extend_to(std::uint64_t bytes) {
    if (bytes <= zeroed_end_) return {};
    LB_TRY_ASSIGN(const std::uint64_t free_bytes, env_.free_bytes(options_.lane_directory));
    const std::uint64_t step = zero_step(options_.capacity_bytes);
    const std::uint64_t target = (bytes + step - 1) / step * step;
    if (free_bytes < options_.free_bytes_min + (target - zeroed_end_))
        return Error{ErrorCode::kFull, "the file system of " + options_.lane_directory +
                                           " is full (" + std::to_string(free_bytes) +
                                           " bytes free, free_bytes_min " +
                                           std::to_string(options_.free_bytes_min) + ")"};
    static const std::string zeros(kZeroStepBytesMax, '\0');
    for (std::uint64_t offset = zeroed_end_; offset < target;) {
        const std::size_t count = std::min<std::uint64_t>(target - offset, zeros.size());
        LB_TRY(file_->write_at(offset, std::string_view(zeros).substr(0, count)));
        offset += count;
    }
    zeroed_end_ = target;
    return {};
}

Status SegmentWriter::commit() {
    LB_ASSERT(is_usable_);
    if (pending_.empty()) return {};
    if (const Status extended = extend_to(end_ + pending_.size()); !extended.ok()) {
        is_usable_ = extended.error().code == ErrorCode::kFull;
        return extended;
    }
    Status status = file_->write_at(end_, pending_);
    if (status.ok()) status = file_->sync_data();
    if (!status.ok()) {
        // What reached the disk is unknown. A reader may meet these records; their producers were
        // told that they failed and will send the same event ids again.
        is_usable_ = false;
        return status;
    }
    end_ += pending_.size();
    event_count_ += pending_count_;
    forget();
    return {};
}

void SegmentWriter::forget() {
    pending_.clear();
    pending_count_ = 0;
}

Status SegmentWriter::seal(std::int64_t now_us) {
    LB_ASSERT(is_usable_ && pending_.empty());
    is_usable_ = false;
    std::string bytes;
    RecordHeader header;
    header.type = RecordType::kSeal;
    header.index = event_count_;
    header.appended_us = now_us;
    append_record(bytes, options_.header.name.seed, header, {});
    LB_TRY(file_->write_at(end_, bytes));
    return file_->truncate(end_ + bytes.size());
}

}  // namespace lb::spool
