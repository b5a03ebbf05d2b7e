// Errors: a class that says what the caller must do, and a text that says what was wrong, where,
// and what to do about it. Numbers are those of proto/lb/v1/error.proto.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lb {

enum class ErrorCode : std::uint8_t {
    kOk = 0,
    kRetry = 1,
    kReject = 2,
    kDenied = 3,
    kNotFound = 4,
    kCorrupt = 5,
    kFull = 6,
    kTimeout = 7,
    kConflict = 8,
    kUnsupported = 9,
    kBug = 10,
};

// The code's word as it stands in messages, metrics and JSON: "retry", "reject", ...
std::string_view to_string(ErrorCode code);

struct Error {
    ErrorCode code = ErrorCode::kBug;
    std::string text;

    // The same error seen from one step further out: "opening spool /x: <text>".
    [[nodiscard]] Error within(std::string_view context) const;
};

// An error of the operating system: `action` and `what` say what was tried, errno_value why it
// failed. The code is kFull for ENOSPC/EDQUOT/EFBIG/EMFILE, kNotFound for ENOENT, kDenied for
// EACCES/EPERM, else kRetry.
Error system_error(std::string_view action, std::string_view what, int errno_value);

}  // namespace lb
