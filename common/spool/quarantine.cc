#include "common/spool/quarantine.h"

namespace lb::spool {

namespace {

constexpr std::string_view kSpanSuffix = ".span";
constexpr std::string_view kReasonSuffix = ".reason";
constexpr std::size_t kReasonBytesMax = 4096;

}  // namespace

Quarantine::Quarantine(env::Env& env, const std::string& root, std::uint64_t bytes_max)
    : env_(env), directory_(root + "/" + kQuarantineDirectory), bytes_max_(bytes_max) {}

Result<std::string> Quarantine::keep(const std::string& name, std::string_view bytes,
                                     const std::string& reason) {
    if (bytes_max_ == 0) return Error{ErrorCode::kFull, "nothing is kept in quarantine"};
    LB_TRY(env::make_directories(env_, directory_));
    const std::string stem = directory_ + "/" + name;
    const std::string path = stem + std::string(kSpanSuffix);
    LB_TRY_ASSIGN(const auto kept, list());
    std::uint64_t kept_bytes = bytes.size();
    for (const QuarantinedSpan& span : kept) {
        if (span.path == path) return path;
        kept_bytes += span.bytes;
    }
    if (kept_bytes > bytes_max_ || kept.size() >= kQuarantineSpansMax)
        return Error{ErrorCode::kFull, directory_ + " is full: " + std::to_string(kept.size()) +
                                           " spans, limit " + std::to_string(bytes_max_) +
                                           " bytes"};
    LB_TRY(env::replace_file(env_, stem + std::string(kReasonSuffix), reason + "\n"));
    LB_TRY(env::replace_file(env_, path, bytes));
    return path;
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
        LB_TRY_ASSIGN(const auto file, env_.open_file(span.path, env::OpenMode::kRead));
        LB_TRY_ASSIGN(span.bytes, file->size());
        const std::string stem = span.path.substr(0, span.path.size() - kSpanSuffix.size());
        auto reason = env::read_file(env_, stem + std::string(kReasonSuffix), kReasonBytesMax);
        if (reason.ok()) span.reason = reason->substr(0, reason->find('\n'));
        spans.push_back(std::move(span));
    }
    return spans;
}

}  // namespace lb::spool
