#include "common/base/utf8.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace lb {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool is_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

// Bytes of the character at the beginning of `text`; 0 when there is none.
std::size_t character_bytes(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text.front());
    if (lead < 0x80) return 1;
    const std::size_t size = lead < 0xc2   ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
    if (size == 0 || text.size() < size) return 0;
    for (std::size_t i = 1; i < size; ++i)
        if (!is_continuation(text[i])) return 0;
    const auto second = static_cast<unsigned char>(text[1]);
    // Overlong forms, surrogates, beyond U+10FFFF.
    const bool is_wrong = (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
                          (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f);
    return is_wrong ? 0 : size;
}

// How many at the beginning of `text` are seen at once to be ASCII: whole words of it. Most text is
// nothing else.
std::size_t ascii_bytes(std::string_view text) {
    constexpr std::uint64_t kHighBits = 0x8080808080808080;
    std::uint64_t word = 0;
    std::size_t count = 0;
    for (; text.size() - count >= sizeof word; count += sizeof word) {
        std::memcpy(&word, text.data() + count, sizeof word);
        if ((word & kHighBits) != 0) break;
    }
    return count;
}

// Of a character of UTF-8.
std::uint32_t code_point(std::string_view character) {
    const auto lead = static_cast<unsigned char>(character.front());
    if (character.size() == 1) return lead;
    // What the lead has beside the marks of the length.
    std::uint32_t code = lead & (0x7fU >> character.size());
    for (const char c : character.substr(1))
        code = code << 6U | (static_cast<unsigned char>(c) & 0x3fU);
    return code;
}

bool is_control(std::uint32_t code) {
    constexpr std::uint32_t kLineSeparator = 0x2028;
    constexpr std::uint32_t kLastOverride = 0x202e;
    constexpr std::uint32_t kFirstIsolate = 0x2066;
    constexpr std::uint32_t kLastIsolate = 0x2069;
    return code < 0x20 || (code >= 0x7f && code < 0xa0) ||
           (code >= kLineSeparator && code <= kLastOverride) ||
           (code >= kFirstIsolate && code <= kLastIsolate);
}

std::string code_text(std::uint32_t code) {
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), code < 0x100 ? "\\x%02x" : "\\u%04x", code);
    return text.data();
}

}  // namespace

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t ascii = ascii_bytes(text);
        const std::size_t size = ascii > 0 ? ascii : character_bytes(text);
        if (size == 0) return false;
        text.remove_prefix(size);
    }
    return true;
}

std::string repaired_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t size = character_bytes(text);
        out += size == 0 ? kReplacement : text.substr(0, size);
        text.remove_prefix(size == 0 ? 1 : size);
    }
    return out;
}

std::string escaped_controls(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t size = character_bytes(text);
        const std::string_view character = text.substr(0, size == 0 ? 1 : size);
        const std::uint32_t code =
            size == 0 ? static_cast<unsigned char>(text.front()) : code_point(character);
        if (size == 0 || is_control(code))
            out += code_text(code);
        else
            out += character;
        text.remove_prefix(character.size());
    }
    return out;
}

std::string escaped_to_ascii(std::string_view text) {
    constexpr std::uint32_t kPrintableEnd = 0x7f;
    const std::string whole = repaired_utf8(text);
    std::string out;
    for (std::string_view rest = whole; !rest.empty();) {
        const std::string_view character = rest.substr(0, character_bytes(rest));
        const std::uint32_t code = code_point(character);
        rest.remove_prefix(character.size());
        if (code >= ' ' && code < kPrintableEnd) {
            out += character;
            continue;
        }
        std::array<char, 16> escape{};
        std::snprintf(escape.data(), escape.size(), code <= 0xffff ? "\\u%04X" : "\\U%08X", code);
        out += escape.data();
    }
    return out;
}

std::string_view cut_utf8(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return text;
    std::size_t end = bytes_max;
    while (end > 0 && is_continuation(text[end])) --end;
    return text.substr(0, end);
}

}  // namespace lb
