// What `lbctl doctor` finds: one finding a check, with what to do about it. The judging functions
// are pure: they take what a daemon said of itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bkserver/cli/command_line.h"
#include "common/spool/quarantine.h"

namespace lb::cli {

enum class Grade : std::uint8_t {
    kOk,
    kSkipped,  // cannot be said here, or does not apply
    kWarning,  // works, and needs attention
    kProblem,  // does not work
};
std::string_view to_string(Grade grade);

struct Finding {
    Grade grade = Grade::kOk;
    std::string check;   // "certificate of lb-interlogd"
    std::string text;    // what was found
    std::string remedy;  // what to do; empty when all is well
};
using Findings = std::vector<Finding>;

// Of lb-logd's status.
Finding judge_events(const Json& status);
Finding judge_refusals(const Json& status);
// "programs" of it: when this one logged last. Nothing: it has not since lb-logd started.
std::optional<Finding> judge_calls(std::string_view check, std::string_view program,
                                   const Json& programs, std::int64_t now_us);
// Of lb-interlogd's: one destination; `now_us` of this host's clock.
Finding judge_destination(const Json& destination, std::int64_t now_us);
// "clock_offset_us" of a destination or a forwarder: how far this clock and that one differ.
Finding judge_clock(std::string_view whose, const Json& row);
// "certificate_expires" of any daemon.
Finding judge_certificate(std::string_view daemon, const Json& status, std::int64_t now_us);
// lb-logd's door for producers of other hosts.
Finding judge_remote_door(const Json& door);
// Of lb-bkserver's: one connected host.
Finding judge_forwarder(const Json& forwarder, std::int64_t now_us);
// What this host set aside.
Finding judge_quarantine(const std::vector<spool::QuarantinedSpan>& spans);
Finding judge_age(std::string_view check, std::uint64_t waiting, std::int64_t oldest_us,
                  std::int64_t now_us);

}  // namespace lb::cli
