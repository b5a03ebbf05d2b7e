#include "logd/guest_agent/channel_line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "common/base/utf8.h"
#include "common/event/codec.h"

namespace lb::guest_agent {

namespace {

using event::EventType;

constexpr std::string_view kVersion = "lb1";
constexpr std::size_t kIdDigits = 32;
constexpr std::size_t kFieldsMax = 8;
constexpr char kHexDigits[] = "0123456789abcdef";

struct WordRow {
    std::string_view word;
    EventType type;
    std::string_view field;  // the one name that may be said; empty: any one, as a tag
};

constexpr std::array kWords = {
    WordRow{"running", EventType::kVMRunning, "uptime_s"},
    WordRow{"heartbeat", EventType::kVMHeartbeat, "uptime_s"},
    WordRow{"shutdown", EventType::kVMShutdown, "reason"},
    WordRow{"tag", EventType::kUserTag, ""},
};

Error wrong(std::string text) {
    return {ErrorCode::kReject, std::move(text)};
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool is_name(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '.';
    });
}

std::optional<std::string> unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] < 0x21 || text[i] > 0x7e) return std::nullopt;
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (i + 2 >= text.size()) return std::nullopt;
        const int high = hex_value(text[i + 1]);
        const int low = hex_value(text[i + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    if (!is_utf8(out)) return std::nullopt;
    return out;
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte > 0x20 && byte < 0x7f && c != '%') {
            out += c;
            continue;
        }
        out += {'%', kHexDigits[byte >> 4], kHexDigits[byte & 15]};
    }
    return out;
}

std::string_view next_word(std::string_view& rest) {
    const std::size_t blank = rest.find(' ');
    const std::string_view word = rest.substr(0, blank);
    rest.remove_prefix(blank == std::string_view::npos ? rest.size() : blank + 1);
    return word;
}

bool is_id(std::string_view text) {
    return text.size() == kIdDigits &&
           std::all_of(text.begin(), text.end(), [](char c) { return hex_value(c) >= 0; });
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

Status add_field(GuestLine& line, std::string_view word) {
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    if (equals == std::string_view::npos || !is_name(name))
        return wrong("a field is not of the form name=value");
    auto value = unescaped(word.substr(equals + 1));
    if (!value)
        return wrong("the value of " + std::string(name) + " has a wrong %XX or is no UTF-8");
    if (line.fields.size() == kFieldsMax)
        return wrong("it has more than " + std::to_string(kFieldsMax) + " fields");
    line.fields.emplace_back(name, std::move(*value));
    return {};
}

// Those that a guest might name to speak for somebody else get a word of their own.
Error not_to_say(std::string_view word, std::string_view name) {
    constexpr std::array<std::string_view, 8> kClaims = {
        "process", "subject", "key", "source", "host", "uuid", "job_id", "hostname"};
    if (std::find(kClaims.begin(), kClaims.end(), lower(name)) != kClaims.end())
        return wrong(std::string(name) + " is not for a guest to say: its channel says who it is");
    return wrong(std::string(word) + " has no field " + std::string(name));
}

}  // namespace

Result<GuestLine> parse_line(std::string_view line) {
    if (line.size() > kLineBytesMax)
        return wrong("the line is longer than " + std::to_string(kLineBytesMax) + " bytes");
    if (next_word(line) != kVersion) return wrong("it does not begin with lb1");
    GuestLine parsed;
    const std::string_view id = next_word(line);
    if (!is_id(id)) return wrong("its id is not 32 hexadecimal digits");
    parsed.id = lower(id);
    const std::string_view age = next_word(line);
    const auto [end, error] = std::from_chars(age.data(), age.data() + age.size(), parsed.age_ms);
    if (error != std::errc{} || end != age.data() + age.size() || parsed.age_ms < 0)
        return wrong("its age is no number of milliseconds");
    parsed.age_ms = std::min(parsed.age_ms, kAgeMsMax);
    parsed.word = next_word(line);
    while (!line.empty()) LB_TRY(add_field(parsed, next_word(line)));
    return parsed;
}

std::string id_of(std::string_view line) {
    if (next_word(line) != kVersion) return "-";
    const std::string_view id = next_word(line);
    return is_id(id) ? lower(id) : std::string("-");
}

Result<event::Event> event_of(const GuestLine& line, std::int64_t now_us) {
    const auto row = std::find_if(kWords.begin(), kWords.end(),
                                  [&](const WordRow& known) { return known.word == line.word; });
    if (row == kWords.end())
        return wrong("a guest says running, heartbeat, shutdown or tag, not \"" +
                     escaped(line.word) + "\"");
    event::Event event;
    event.type = static_cast<std::uint16_t>(row->type);
    event.source = event::Source::kVmSystem;
    event.time_us = now_us - line.age_ms * 1000;
    const bool is_tag = row->type == EventType::kUserTag;
    if (is_tag && line.fields.size() != 1) return wrong("tag takes exactly one name=value");
    for (const auto& [name, value] : line.fields) {
        if (is_tag) {
            LB_TRY(event::set_field_from_text(event, "name", name));
            LB_TRY(event::set_field_from_text(event, "value", value));
            continue;
        }
        if (name != row->field) return not_to_say(line.word, name);
        if (row->type == EventType::kVMRunning)
            event.attributes[name] = value;
        else
            LB_TRY(event::set_field_from_text(event, name, value));
    }
    return event;
}

std::string answer(std::string_view id, std::string_view outcome, std::string_view text) {
    std::string out = std::string(kVersion) + " " + std::string(id) + " " + std::string(outcome);
    if (!text.empty()) out += " " + escaped(text);
    return out + "\n";
}

}  // namespace lb::guest_agent
