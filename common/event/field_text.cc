#include "common/event/field_text.h"

#include <array>
#include <charconv>
#include <cmath>

#include "common/base/ascii.h"
#include "common/event/time_text.h"

namespace lb::event {

namespace {

template <typename Number>
std::optional<Number> parse(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

template <typename Number>
std::string print(Number value) {
    std::array<char, 32> buffer{};
    const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
    return {buffer.data(), result.ptr};
}

std::string allowed_values(const FieldInfo& field) {
    std::string list;
    for (const EnumValue& value : field.values) {
        if (!list.empty()) list += ", ";
        list += value.name;
    }
    return list;
}

Error wrong(const FieldInfo& field, std::string_view text, std::string_view expected) {
    return {ErrorCode::kReject, std::string(field.name) + ": \"" + std::string(text.substr(0, 80)) +
                                    "\" is not " + std::string(expected)};
}

Result<std::string> canonical_enum(const FieldInfo& field, std::string_view text) {
    for (const EnumValue& value : field.values)
        if (equal_ignoring_case(value.name, text)) return std::string(value.name);
    return wrong(field, text, "one of " + allowed_values(field));
}

Result<std::string> canonical_source(const FieldInfo& field, std::string_view text) {
    const auto source = source_of_name(text);
    if (!source) return wrong(field, text, "the name of a source (VMManager, LRMS, ...)");
    return std::string(source_names()[static_cast<std::size_t>(*source)]);
}

// Microseconds since 1970 as they are kept, or RFC 3339 as people write it.
Result<std::string> canonical_time(const FieldInfo& field, std::string_view text) {
    if (const auto value = parse<std::int64_t>(text)) return print(*value);
    const auto time_us = time_from_text(text);
    if (!time_us.ok()) return wrong(field, text, "a time: 2012-01-01T00:00:00Z");
    return print(*time_us);
}

Result<std::string> canonical_real(const FieldInfo& field, std::string_view text) {
    const auto value = parse<double>(text);
    if (!value || !std::isfinite(*value)) return wrong(field, text, "a decimal number");
    return print(*value);
}

}  // namespace

std::optional<Source> source_of_name(std::string_view name) {
    const auto names = source_names();
    for (std::size_t i = 0; i < names.size(); ++i)
        if (equal_ignoring_case(names[i], name)) return static_cast<Source>(i);
    return std::nullopt;
}

std::string text_of(Source source) {
    const auto number = static_cast<std::size_t>(source);
    const auto names = source_names();
    return number < names.size() ? std::string(names[number]) : std::to_string(number);
}

Result<std::string> canonical_text(const FieldInfo& field, std::string_view text) {
    if (text.empty()) return std::string();
    switch (field.kind) {
        case FieldKind::kText:
        case FieldKind::kProcessId:
            return std::string(text);
        case FieldKind::kInteger: {
            const auto value = parse<std::int64_t>(text);
            if (!value) return wrong(field, text, "a whole number");
            return print(*value);
        }
        case FieldKind::kTime:
            return canonical_time(field, text);
        case FieldKind::kPort: {
            const auto value = parse<std::uint16_t>(text);
            if (!value) return wrong(field, text, "a port between 0 and 65535");
            return print(*value);
        }
        case FieldKind::kReal:
            return canonical_real(field, text);
        case FieldKind::kEnum:
            return canonical_enum(field, text);
        case FieldKind::kSource:
            return canonical_source(field, text);
        case FieldKind::kTags:
            return text_of_tags(tags_of_text(text));
    }
    return wrong(field, text, "of a known kind");
}

std::uint64_t number_of_text(const FieldInfo& field, std::string_view text) {
    if (field.kind == FieldKind::kEnum) {
        for (const EnumValue& value : field.values)
            if (value.name == text) return value.number;
    }
    if (field.kind == FieldKind::kSource) {
        if (const auto source = source_of_name(text)) return static_cast<std::uint64_t>(*source);
    }
    return static_cast<std::uint64_t>(parse<std::int64_t>(text).value_or(0));
}

double real_of_text(std::string_view text) {
    return parse<double>(text).value_or(0.0);
}

std::string text_of_number(const FieldInfo& field, std::uint64_t number) {
    if (field.kind == FieldKind::kEnum) {
        for (const EnumValue& value : field.values)
            if (value.number == number) return std::string(value.name);
    }
    if (field.kind == FieldKind::kSource && number < source_names().size())
        return std::string(source_names()[number]);
    return print(static_cast<std::int64_t>(number));
}

std::string text_of_real(double value) {
    return print(value);
}

TagList tags_of_text(std::string_view text) {
    TagList tags;
    while (!text.empty()) {
        const std::string_view entry = text.substr(0, text.find(','));
        const std::size_t equals = entry.find('=');
        if (equals != std::string_view::npos && equals + 1 < entry.size())
            tags.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
        text.remove_prefix(std::min(entry.size() + 1, text.size()));
    }
    return tags;
}

std::string text_of_tags(const TagList& tags) {
    std::string text;
    for (const auto& [name, value] : tags) {
        if (!text.empty()) text += ',';
        text += name + "=" + value;
    }
    return text;
}

}  // namespace lb::event
