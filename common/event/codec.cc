#include "common/event/codec.h"

#include <algorithm>
#include <map>

#include "common/base/limits.h"
#include "common/base/utf8.h"
#include "common/event/field_text.h"
#include "common/event/wire_format.h"

namespace lb::event {

namespace {

using wire::WireType;

// Field numbers of lb.v1.Event (proto/lb/v1/event.proto).
enum HeaderField : std::uint32_t {
    kTimeUs = 1,
    kHost = 2,
    kSource = 3,
    kSourceInstance = 4,
    kLevel = 5,
    kSequenceCode = 6,
    kUser = 7,
    kPriority = 8,
    kResync = 9,
    kSinceUs = 10,
    kAttributes = 15,
    kPayloadFirst = 100,
};
constexpr std::uint32_t kPayloadOffset = 100;   // payload number = event code + 100
constexpr std::uint64_t kSourceNumberMax = 63;  // lb.v1.Source will not have more

// Strings of protobuf are UTF-8.
void put_utf8(std::string& out, std::uint32_t number, std::string_view text) {
    if (is_utf8(text))
        wire::put_bytes(out, number, text);
    else
        wire::put_bytes(out, number, repaired_utf8(text));
}

void put_text(std::string& out, std::uint32_t number, std::string_view text) {
    if (!text.empty()) put_utf8(out, number, text);
}

std::string encode_pair(std::string_view name, std::string_view value) {
    std::string out;
    put_text(out, 1, name);
    put_text(out, 2, value);
    return out;
}

void encode_field(std::string& out, const FieldInfo& field, std::string_view text) {
    switch (field.kind) {
        case FieldKind::kText:
        case FieldKind::kProcessId:
            put_utf8(out, field.number, text);
            return;
        case FieldKind::kReal:
            wire::put_real(out, field.number, real_of_text(text));
            return;
        case FieldKind::kTags:
            for (const auto& [name, value] : tags_of_text(text))
                wire::put_bytes(out, field.number, encode_pair(name, value));
            return;
        case FieldKind::kInteger:
        case FieldKind::kPort:
        case FieldKind::kEnum:
        case FieldKind::kSource:
        case FieldKind::kTime:
            wire::put_number(out, field.number, number_of_text(field, text));
            return;
    }
}

std::string encode_payload(const Event& event) {
    std::string payload;
    const TypeInfo* type = find_type(event.type);
    if (type == nullptr) return payload;
    for (const FieldValue& value : event.fields)
        if (value.index < type->fields.size())
            encode_field(payload, type->fields[value.index], value.text);
    return payload;
}

void put_nonzero(std::string& out, std::uint32_t number, std::uint64_t value) {
    if (value != 0) wire::put_number(out, number, value);
}

Error malformed(std::string_view place) {
    return {ErrorCode::kReject, "event: " + std::string(place)};
}

Status check_text(std::string_view name, std::string_view bytes, std::size_t limit) {
    if (bytes.size() > limit)
        return malformed(std::string(name) + " is longer than " + std::to_string(limit) + " bytes");
    if (!is_utf8(bytes)) return malformed(std::string(name) + " is no UTF-8");
    return {};
}

Status check_time(std::string_view name, std::int64_t time_us) {
    if (time_us >= limits::kTimeUsMin && time_us <= limits::kTimeUsMax) return {};
    return malformed(std::string(name) + " is not between the years 1900 and 9999");
}

Result<std::pair<std::string, std::string>> decode_pair(std::string_view bytes) {
    std::pair<std::string, std::string> pair;
    wire::Reader reader(bytes);
    wire::Field field;
    while (!reader.at_end()) {
        if (!reader.next(field)) return malformed("a name=value pair is cut off");
        if (field.type != WireType::kLengthDelimited) continue;
        if (field.number == 1) pair.first = field.bytes;
        if (field.number == 2) pair.second = field.bytes;
    }
    return pair;
}

WireType wire_type_of(FieldKind kind) {
    switch (kind) {
        case FieldKind::kText:
        case FieldKind::kProcessId:
        case FieldKind::kTags:
            return WireType::kLengthDelimited;
        case FieldKind::kReal:
            return WireType::kFixed64;
        case FieldKind::kInteger:
        case FieldKind::kPort:
        case FieldKind::kEnum:
        case FieldKind::kSource:
        case FieldKind::kTime:
            return WireType::kVarint;
    }
    return WireType::kVarint;
}

// Tags come one entry at a time: gathered, so that many of them cost no more than their bytes.
Status gather_tag(std::string& text, const FieldInfo& info, std::string_view bytes) {
    LB_TRY_ASSIGN(const auto pair, decode_pair(bytes));
    for (const std::string* part : {&pair.first, &pair.second})
        LB_TRY(check_text(info.name, *part, limits::kFieldBytesMax));
    if (pair.second.empty()) return {};
    if (!text.empty()) text += ',';
    text += pair.first + "=" + pair.second;
    if (text.size() <= limits::kFieldBytesMax) return {};
    return malformed(std::string(info.name) + " is longer than " +
                     std::to_string(limits::kFieldBytesMax) + " bytes");
}

// Of one that is no tag.
std::string decode_text(const FieldInfo& info, const wire::Field& field) {
    switch (info.kind) {
        case FieldKind::kText:
        case FieldKind::kProcessId:
            return std::string(field.bytes);
        case FieldKind::kReal:
            return text_of_real(field.real());
        case FieldKind::kInteger:
        case FieldKind::kPort:
        case FieldKind::kEnum:
        case FieldKind::kSource:
        case FieldKind::kTime:
            return text_of_number(info, field.number_value);
        case FieldKind::kTags:
            break;
    }
    return {};
}

Status decode_field(Event& event, const FieldInfo& info, const wire::Field& field) {
    if (info.kind == FieldKind::kTime)
        LB_TRY(check_time(info.name, static_cast<std::int64_t>(field.number_value)));
    std::string text = decode_text(info, field);
    LB_TRY(check_text(info.name, text, limits::kFieldBytesMax));
    event.set_text(info.name, std::move(text));
    return {};
}

Status decode_payload(Event& event, std::string_view bytes) {
    const TypeInfo* type = find_type(event.type);
    if (type == nullptr) return {};
    event.fields.clear();
    std::map<std::string_view, std::string> tags;  // by the name of their field
    wire::Reader reader(bytes);
    wire::Field field;
    while (!reader.at_end()) {
        if (!reader.next(field)) return malformed(std::string(type->name) + " is cut off");
        const auto info =
            std::find_if(type->fields.begin(), type->fields.end(),
                         [&](const FieldInfo& f) { return f.number == field.number; });
        if (info == type->fields.end() || field.type != wire_type_of(info->kind)) continue;
        if (info->kind == FieldKind::kTags)
            LB_TRY(gather_tag(tags[info->name], *info, field.bytes));
        else
            LB_TRY(decode_field(event, *info, field));
    }
    for (auto& [name, text] : tags) event.set_text(name, std::move(text));
    return {};
}

Status decode_attribute(Event& event, std::string_view bytes) {
    LB_TRY_ASSIGN(auto pair, decode_pair(bytes));
    LB_TRY(check_text("name of an attribute", pair.first, limits::kAttributeNameBytesMax));
    LB_TRY(check_text("attribute", pair.second, limits::kFieldBytesMax));
    event.attributes.insert_or_assign(std::move(pair.first), std::move(pair.second));
    if (event.attributes.size() <= limits::kAttributesMax) return {};
    return malformed("more than " + std::to_string(limits::kAttributesMax) + " attributes");
}

void decode_header_number(Event& event, const wire::Field& field) {
    switch (field.number) {
        case kTimeUs:
            event.time_us = static_cast<std::int64_t>(field.number_value);
            return;
        case kSource:
            if (field.number_value <= kSourceNumberMax)
                event.source = static_cast<Source>(field.number_value);
            return;
        case kLevel:
            if (field.number_value < level_names().size())
                event.level = static_cast<std::uint8_t>(field.number_value);
            return;
        case kPriority:
            event.priority = static_cast<std::uint32_t>(field.number_value);
            return;
        case kResync:
            event.is_resync = field.number_value != 0;
            return;
        case kSinceUs:
            event.since_us = static_cast<std::int64_t>(field.number_value);
            return;
        default:
            return;
    }
}

Status decode_header_text(Event& event, const wire::Field& field) {
    switch (field.number) {
        case kHost:
            event.host = field.bytes;
            return check_text("host", event.host, limits::kHostBytesMax);
        case kSourceInstance:
            event.source_instance = field.bytes;
            break;
        case kSequenceCode:
            event.sequence_code = field.bytes;
            break;
        case kUser:
            event.user = field.bytes;
            break;
        case kAttributes:
            return decode_attribute(event, field.bytes);
        default:
            return {};
    }
    return check_text("a text of the header", field.bytes, limits::kHeaderTextBytesMax);
}

}  // namespace

std::string encode(const Event& event) {
    std::string out;
    put_nonzero(out, kTimeUs, static_cast<std::uint64_t>(event.time_us));
    put_text(out, kHost, event.host);
    put_nonzero(out, HeaderField::kSource, static_cast<std::uint64_t>(event.source));
    put_text(out, kSourceInstance, event.source_instance);
    put_nonzero(out, kLevel, event.level);
    put_text(out, kSequenceCode, event.sequence_code);
    put_text(out, kUser, event.user);
    put_nonzero(out, kPriority, event.priority);
    put_nonzero(out, kResync, event.is_resync ? 1 : 0);
    if (event.since_us)
        wire::put_number(out, kSinceUs, static_cast<std::uint64_t>(*event.since_us));
    for (const auto& [name, value] : event.attributes) {
        // A map entry always carries both parts.
        std::string entry;
        put_utf8(entry, 1, name);
        put_utf8(entry, 2, value);
        wire::put_bytes(out, kAttributes, entry);
    }
    if (event.type != 0) wire::put_bytes(out, event.type + kPayloadOffset, encode_payload(event));
    return out;
}

Result<Event> decode(std::string_view bytes) {
    Event event;
    wire::Reader reader(bytes);
    wire::Field field;
    while (!reader.at_end()) {
        if (!reader.next(field)) return malformed("the bytes are cut off or no protobuf message");
        if (field.type == WireType::kVarint) decode_header_number(event, field);
        if (field.type != WireType::kLengthDelimited) continue;
        if (field.number > kPayloadFirst && field.number - kPayloadOffset <= UINT16_MAX) {
            if (event.type != 0) return malformed("it has two payloads");
            event.type = static_cast<std::uint16_t>(field.number - kPayloadOffset);
            LB_TRY(decode_payload(event, field.bytes));
        } else {
            LB_TRY(decode_header_text(event, field));
        }
    }
    if (event.type == 0) return malformed("it has no payload, so no type");
    LB_TRY(check_time("time_us", event.time_us));
    if (event.since_us) LB_TRY(check_time("since_us", *event.since_us));
    return event;
}

Status set_field_from_text(Event& event, std::string_view name, std::string_view text) {
    const TypeInfo* type = find_type(event.type);
    const FieldInfo* field = type == nullptr ? nullptr : type->find_field(name);
    if (field == nullptr) {
        const std::string type_name(type == nullptr ? "an event without type" : type->name);
        return Error{ErrorCode::kReject, type_name + " has no field " + std::string(name)};
    }
    if (text.size() > limits::kFieldBytesMax)
        return malformed(std::string(field->name) + " is longer than " +
                         std::to_string(limits::kFieldBytesMax) + " bytes");
    LB_TRY_ASSIGN(std::string canonical,
                  canonical_text(*field, is_utf8(text) ? text : repaired_utf8(text)));
    event.set_text(name, std::move(canonical));
    return {};
}

}  // namespace lb::event
