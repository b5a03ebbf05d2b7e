#include "common/base/error.h"

#include <cerrno>
#include <system_error>

namespace lb {

std::string_view to_string(ErrorCode code) {
    switch (code) {
        case ErrorCode::kOk:
            return "ok";
        case ErrorCode::kRetry:
            return "retry";
        case ErrorCode::kReject:
            return "reject";
        case ErrorCode::kDenied:
            return "denied";
        case ErrorCode::kNotFound:
            return "not_found";
        case ErrorCode::kCorrupt:
            return "corrupt";
        case ErrorCode::kFull:
            return "full";
        case ErrorCode::kTimeout:
            return "timeout";
        case ErrorCode::kConflict:
            return "conflict";
        case ErrorCode::kUnsupported:
            return "unsupported";
        case ErrorCode::kBug:
            return "bug";
    }
    return "unknown";
}

Error Error::within(std::string_view context) const {
    return {code, std::string(context) + ": " + text};
}

namespace {

ErrorCode code_of(int errno_value) {
    switch (errno_value) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
        case EMFILE:
        case ENFILE:
            return ErrorCode::kFull;
        case ENOENT:
            return ErrorCode::kNotFound;
        case EACCES:
        case EPERM:
            return ErrorCode::kDenied;
        default:
            return ErrorCode::kRetry;
    }
}

}  // namespace

Error system_error(std::string_view action, std::string_view what, int errno_value) {
    return {code_of(errno_value), std::string(action) + " " + std::string(what) + ": " +
                                      std::generic_category().message(errno_value)};
}

}  // namespace lb
