// Exit codes of lbctl, after sysexits.h.
#pragma once

#include "common/base/error.h"

namespace lb::cli {

enum ExitCode : int {
    kDone = 0,
    kNotFound = 1,      // what was asked for does not exist, or some of several things failed
    kUsage = 64,        // the command line is wrong
    kRefused = 65,      // the server refuses the request: it is wrong, or contradicts what is there
    kUnavailable = 69,  // no connection to the server or daemon
    kBug = 70,
    kCannotCreate = 73,
    kTryAgain = 75,
    kNotAllowed = 77,
};

constexpr ExitCode exit_code_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::kOk:
            return kDone;
        case ErrorCode::kNotFound:
            return kNotFound;
        case ErrorCode::kReject:
        case ErrorCode::kConflict:
        case ErrorCode::kCorrupt:
        case ErrorCode::kUnsupported:
            return kRefused;
        case ErrorCode::kDenied:
            return kNotAllowed;
        case ErrorCode::kFull:
        case ErrorCode::kRetry:
        case ErrorCode::kTimeout:
            return kTryAgain;
        case ErrorCode::kBug:
            return kBug;
    }
    return kBug;
}

}  // namespace lb::cli
