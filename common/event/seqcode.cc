#include "common/event/seqcode.h"

#include <charconv>
#include <cstdio>
#include <limits>
#include <span>

namespace lb::event {

namespace {

constexpr std::array<std::string_view, 9> kGridNames = {"UI", "NS",   "WM",  "BH", "JSS",
                                                        "LM", "LRMS", "APP", "LBS"};
constexpr std::array<std::string_view, 5> kPbsNames = {"CLIENT", "SERVER", "SCHED", "SMOM", "MOM"};

// Takes "NAME=digits" from the front of `text`, then the ':' behind it. False when it is not there.
bool take_counter(std::string_view& text, std::string_view name, std::uint32_t& value) {
    if (!text.starts_with(name) || text.substr(name.size(), 1) != "=") return false;
    text.remove_prefix(name.size() + 1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.empty()) return true;
    if (text.front() != ':') return false;
    text.remove_prefix(1);
    return true;
}

// `required`: how many counters must be there; the rest count as 0 when absent.
bool take_counters(std::string_view text, std::span<const std::string_view> names,
                   std::size_t required, std::span<std::uint32_t> counters) {
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (text.empty() && i >= required) return true;
        if (!take_counter(text, names[i], counters[i])) return false;
    }
    return text.empty();
}

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(' ');
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// The value between `name` and `end_mark` (or the end of the text).
std::optional<std::string_view> between(std::string_view text, std::string_view name,
                                        std::string_view end_mark) {
    const std::size_t start = text.find(name);
    if (start == std::string_view::npos) return std::nullopt;
    const std::string_view rest = text.substr(start + name.size());
    const std::size_t end = end_mark.empty() ? std::string_view::npos : rest.find(end_mark);
    if (!end_mark.empty() && end == std::string_view::npos) return std::nullopt;
    return trimmed(rest.substr(0, end));
}

// Place of a source's own counter; nothing: it has none in this format.
std::optional<std::size_t> grid_slot(Source source) {
    const auto number = static_cast<std::size_t>(source);
    if (number < 1 || number > kGridNames.size()) return std::nullopt;
    return number - 1;
}

std::optional<std::size_t> pbs_slot(Source source) {
    constexpr std::array kSources = {Source::kPbsClient, Source::kPbsServer, Source::kPbsScheduler,
                                     Source::kPbsMomSuperior, Source::kPbsMom};
    for (std::size_t i = 0; i < kSources.size(); ++i)
        if (kSources[i] == source) return i;
    return std::nullopt;
}

void raise(std::uint32_t& counter) {
    if (counter < std::numeric_limits<std::uint32_t>::max()) ++counter;
}

std::string print_counters(std::span<const std::string_view> names,
                           std::span<const std::uint32_t> counters, std::string_view wide) {
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
        std::array<char, 32> digits{};
        const bool is_wide = wide.find(static_cast<char>('0' + i)) != std::string_view::npos;
        std::snprintf(digits.data(), digits.size(), is_wide ? "%010u" : "%06u", counters[i]);
        if (i > 0) text += ':';
        text += std::string(names[i]) + "=" + digits.data();
    }
    return text;
}

}  // namespace

std::optional<GridCounters> parse_grid_code(std::string_view text) {
    GridCounters counters{};
    if (!take_counters(text, kGridNames, 8, counters)) return std::nullopt;
    return counters;
}

std::optional<PbsCounters> parse_pbs_code(std::string_view text) {
    PbsCounters counters{};
    if (!take_counters(text, kPbsNames, kPbsNames.size(), counters)) return std::nullopt;
    return counters;
}

std::optional<CondorCode> parse_condor_code(std::string_view text) {
    const auto timestamp = between(text, "TIMESTAMP=", ":POS=");
    const auto position = between(text, ":POS=", ":EV.CODE=");
    const auto code = between(text, ":EV.CODE=", ":SRC=");
    const auto source = between(text, ":SRC=", "");
    if (!timestamp || !position || !code || !source || source->empty()) return std::nullopt;
    CondorCode parsed{std::string(*timestamp), std::string(*position), 0, source->front()};
    const auto [end, error] =
        std::from_chars(code->data(), code->data() + code->size(), parsed.event_code);
    if (error != std::errc{} || end != code->data() + code->size()) return std::nullopt;
    return parsed;
}

std::string to_string(const GridCounters& counters) {
    return print_counters(kGridNames, counters, "13");
}

std::string to_string(const PbsCounters& counters) {
    return print_counters(kPbsNames, counters, "1");
}

std::string first_code(Source source) {
    return pbs_slot(source) ? to_string(PbsCounters{}) : to_string(GridCounters{});
}

std::string next_code(std::string_view code, Source source) {
    if (code.empty()) return next_code(first_code(source), source);
    if (auto grid = parse_grid_code(code)) {
        if (const auto slot = grid_slot(source)) raise((*grid)[*slot]);
        return to_string(*grid);
    }
    if (auto pbs = parse_pbs_code(code)) {
        if (const auto slot = pbs_slot(source)) raise((*pbs)[*slot]);
        return to_string(*pbs);
    }
    return std::string(code);
}

}  // namespace lb::event
