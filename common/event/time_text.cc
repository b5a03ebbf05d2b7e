#include "common/event/time_text.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace lb::event {

namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::year_month_day;

Error wrong(std::string_view text, std::string_view expected) {
    return {ErrorCode::kReject,
            "time \"" + std::string(text.substr(0, 64)) + "\": expected " + std::string(expected)};
}

struct Parts {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

// Takes exactly `count` digits from the front of `text`.
bool take_digits(std::string_view& text, std::size_t count, int& value) {
    if (text.size() < count) return false;
    for (std::size_t i = 0; i < count; ++i)
        if (text[i] < '0' || text[i] > '9') return false;
    std::from_chars(text.data(), text.data() + count, value);
    text.remove_prefix(count);
    return true;
}

bool take(std::string_view& text, std::string_view one_of) {
    if (text.empty() || one_of.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

// Nothing when the parts are no date of the calendar. A leap second counts as the next second.
Result<std::int64_t> to_microseconds(const Parts& parts, std::string_view text) {
    const year_month_day date{std::chrono::year(parts.year),
                              std::chrono::month(static_cast<unsigned>(parts.month)),
                              std::chrono::day(static_cast<unsigned>(parts.day))};
    if (!date.ok() || parts.hour > 23 || parts.minute > 59 || parts.second > 60)
        return wrong(text, "a date and time of the calendar");
    const auto time = sys_days(date).time_since_epoch() + hours(parts.hour) +
                      minutes(parts.minute) + seconds(parts.second);
    return std::int64_t{std::chrono::duration_cast<microseconds>(time).count()};
}

// Digits after the '.', as a fraction: "5" is 500000.
bool take_fraction(std::string_view& text, std::int64_t& value_us) {
    std::int64_t unit_us = 100'000;
    bool any = false;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        value_us += (text.front() - '0') * unit_us;
        unit_us /= 10;
        text.remove_prefix(1);
        any = true;
    }
    return any;
}

// "Z", "+01:00", "-0530"; nothing at all counts as UTC.
bool take_offset(std::string_view& text, std::int64_t& offset_us) {
    if (text.empty() || take(text, "Zz")) return text.empty();
    const bool is_west = text.front() == '-';
    int hour = 0;
    int minute = 0;
    if (!take(text, "+-") || !take_digits(text, 2, hour)) return false;
    take(text, ":");
    if (!text.empty() && !take_digits(text, 2, minute)) return false;
    const auto offset = hours(hour) + minutes(minute);
    offset_us = std::chrono::duration_cast<microseconds>(offset).count() * (is_west ? -1 : 1);
    return text.empty();
}

struct Broken {
    year_month_day date;
    std::chrono::hh_mm_ss<microseconds> time;
};

Broken broken_down(std::int64_t time_us) {
    const std::chrono::sys_time<microseconds> point{microseconds(time_us)};
    const auto day = std::chrono::floor<days>(point);
    return {year_month_day(day), std::chrono::hh_mm_ss<microseconds>(point - day)};
}

std::string print(const char* format, std::int64_t time_us) {
    const Broken parts = broken_down(time_us);
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), format, static_cast<int>(parts.date.year()),
                  static_cast<unsigned>(parts.date.month()),
                  static_cast<unsigned>(parts.date.day()),
                  static_cast<int>(parts.time.hours().count()),
                  static_cast<int>(parts.time.minutes().count()),
                  static_cast<int>(parts.time.seconds().count()),
                  static_cast<int>(parts.time.subseconds().count()));
    return text.data();
}

}  // namespace

std::string time_to_text(std::int64_t time_us) {
    return print("%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", time_us);
}

Result<std::int64_t> time_from_text(std::string_view text) {
    constexpr std::string_view kExpected = "RFC 3339, for example 2026-11-23T04:38:56.030123Z";
    std::string_view rest = text;
    Parts parts;
    std::int64_t fraction_us = 0;
    std::int64_t offset_us = 0;
    const bool has_date = take_digits(rest, 4, parts.year) && take(rest, "-") &&
                          take_digits(rest, 2, parts.month) && take(rest, "-") &&
                          take_digits(rest, 2, parts.day);
    const bool has_time = has_date && take(rest, "Tt ") && take_digits(rest, 2, parts.hour) &&
                          take(rest, ":") && take_digits(rest, 2, parts.minute) &&
                          take(rest, ":") && take_digits(rest, 2, parts.second);
    if (!has_time) return wrong(text, kExpected);
    if (take(rest, ".,") && !take_fraction(rest, fraction_us)) return wrong(text, kExpected);
    if (!take_offset(rest, offset_us)) return wrong(text, kExpected);
    LB_TRY_ASSIGN(const std::int64_t time_us, to_microseconds(parts, text));
    return time_us + fraction_us - offset_us;
}

std::string time_to_ulm(std::int64_t time_us) {
    return print("%04d%02u%02u%02d%02d%02d.%06d", time_us);
}

Result<std::int64_t> time_from_ulm(std::string_view text) {
    std::string_view rest = text;
    Parts parts;
    const bool is_whole = take_digits(rest, 4, parts.year) && take_digits(rest, 2, parts.month) &&
                          take_digits(rest, 2, parts.day) && take_digits(rest, 2, parts.hour) &&
                          take_digits(rest, 2, parts.minute) && take_digits(rest, 2, parts.second);
    if (!is_whole) return wrong(text, "YYYYMMDDhhmmss.uuuuuu");
    LB_TRY_ASSIGN(const std::int64_t time_us, to_microseconds(parts, text));
    std::uint32_t fraction_us = 0;
    if (take(rest, "."))
        std::from_chars(rest.data(), rest.data() + std::min<std::size_t>(rest.size(), 6),
                        fraction_us);
    return time_us + fraction_us;
}

}  // namespace lb::event
