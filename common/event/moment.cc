#include "common/event/moment.h"

#include <charconv>
#include <optional>
#include <string>

#include "common/base/limits.h"
#include "common/event/time_text.h"

namespace lb::event {

namespace {

constexpr std::int64_t kSecondUs = 1'000'000;

// Of what stands behind the number of a span.
std::optional<std::int64_t> seconds_of_unit(char unit) {
    switch (unit) {
        case 's':
            return 1;
        case 'm':
            return 60;
        case 'h':
            return 3'600;
        case 'd':
            return 86'400;
        case 'w':
            return 7 * 86'400;
        default:
            return {};
    }
}

std::optional<std::int64_t> whole_number(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || problem != std::errc() || end != text.data() + text.size()) return {};
    return number;
}

// "-2h", "+90s".
std::optional<std::int64_t> relative_time(std::string_view text, std::int64_t now_us) {
    if (text.size() < 3 || (text[0] != '-' && text[0] != '+')) return {};
    const auto unit = seconds_of_unit(text.back());
    const auto count = whole_number(text.substr(1, text.size() - 2));
    // Longer than anything that is kept.
    constexpr std::int64_t kSecondsMax = 400LL * 365 * 86'400;
    if (!unit || !count || *count < 0 || *count > kSecondsMax / *unit) return {};
    const std::int64_t span_us = *count * *unit * kSecondUs;
    return text[0] == '-' ? now_us - span_us : now_us + span_us;
}

bool may_be_stated(std::int64_t time_us) {
    return time_us >= limits::kTimeUsMin && time_us <= limits::kTimeUsMax;
}

}  // namespace

Result<std::int64_t> moment_from_text(std::string_view text, std::int64_t now_us) {
    std::optional<std::int64_t> time_us;
    if (text == "now") time_us = now_us;
    if (!time_us) time_us = relative_time(text, now_us);
    if (const auto count = whole_number(text); !time_us && count &&
                                               *count >= limits::kTimeUsMin / kSecondUs &&
                                               *count <= limits::kTimeUsMax / kSecondUs)
        time_us = *count * kSecondUs;
    for (const std::string& whole : {std::string(text), std::string(text) + "T00:00:00Z"})
        if (const auto read = time_from_text(whole); !time_us && read.ok()) time_us = *read;
    if (time_us && may_be_stated(*time_us)) return *time_us;
    return Error{ErrorCode::kReject,
                 "time \"" + std::string(text.substr(0, 64)) +
                     "\": expected 2026-11-25T12:00:00Z, 2026-11-25, seconds since 1970, now, or "
                     "-2h (s, m, h, d, w)"};
}

}  // namespace lb::event
