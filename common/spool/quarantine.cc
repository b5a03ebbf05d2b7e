#include "common/spool/quarantine.h"

namespace lb::spool {

namespace {

constexpr std::string_view kSpanSuffix = ".span";
constexpr std::string_view kReasonSuffix = ".reason";
constexpr std::size_t kReasonBytesMax = 4096;
constexpr std::uint64_t kCountUs = 60'000'000;

std::string reason_path_of(std::string_view span_path) {
    span_path.remove_suffix(kSpanSuffix.size());
    return std::string(span_path) + std::string(kReasonSuffix);
}

}  // namespace

std::string quarantined_event_prefix(const Destination& destination) {
    return std::string(kQuarantinedEventPrefix) + destination.directory_name() + "-";
}

std::string_view QuarantinedSpan::name() const {
    return std::string_view(path).substr(path.rfind('/') + 1);
}

Quarantine::Quarantine(env::Env& env, const std::string& root, std::uint64_t bytes_max)
    : env_(env), directory_(root + "/" + kQuarantineDirectory), bytes_max_(bytes_max) {}

Result<std::string> Quarantine::keep(const std::string& name, std::string_view bytes,
                                     const std::string& reason) {
    if (bytes_max_ == 0) return Error{ErrorCode::kFull, "nothing is kept in quarantine"};
    LB_TRY(count());
    const std::string stem = directory_ + "/" + name;
    const std::string path = stem + std::string(kSpanSuffix);
    if (env_.open_file(path, env::OpenMode::kRead).ok()) return path;
    if (total_->bytes + bytes.size() > bytes_max_ || total_->spans >= kQuarantineSpansMax)
        return Error{ErrorCode::kFull, directory_ + " is full: " + std::to_string(total_->spans) +
                                           " spans, limit " + std::to_string(bytes_max_) +
                                           " bytes"};
    Status written = env::replace_file(env_, stem + std::string(kReasonSuffix), reason + "\n");
    if (written.ok()) written = env::replace_file(env_, path, bytes);
    if (!written.ok()) {
        total_.reset();  // somebody may have removed the directory
        return written.error();
    }
    ++total_->spans;
    total_->bytes += bytes.size();
    return path;
}

Status Quarantine::count() {
    const std::uint64_t now_us = env_.monotonic_us();
    if (total_ && now_us < total_->counted_at_us + kCountUs) return {};
    LB_TRY(env::make_directories(env_, directory_));
    LB_TRY_ASSIGN(const auto spans, list());
    total_ = Total{spans.size(), 0, now_us};
    for (const QuarantinedSpan& span : spans) total_->bytes += span.bytes;
    return {};
}

Result<std::vector<QuarantinedSpan>> Quarantine::list() {
    std::vector<QuarantinedSpan> spans;
    auto names = env_.list_directory(directory_);
    if (!names.ok() && names.error().code == ErrorCode::kNotFound) return spans;
    LB_TRY(names);
    for (const std::string& name : *names) {
        if (!name.ends_with(kSpanSuffix)) continue;
        QuarantinedSpan span;
        span.path = directory_ + "/" + name;
        const auto file = env_.open_file(span.path, env::OpenMode::kRead);
        if (!file.ok() && file.error().code == ErrorCode::kNotFound) continue;  // just removed
        LB_TRY(file);
        LB_TRY_ASSIGN(span.bytes, (*file)->size());
        auto reason = env::read_file(env_, reason_path_of(span.path), kReasonBytesMax);
        if (reason.ok()) span.reason = reason->substr(0, reason->find('\n'));
        spans.push_back(std::move(span));
    }
    return spans;
}

Status Quarantine::remove(const QuarantinedSpan& span) {
    LB_TRY(env_.remove_file(span.path));
    (void)env_.remove_file(reason_path_of(span.path));  // it says nothing without its span
    return {};
}

}  // namespace lb::spool
