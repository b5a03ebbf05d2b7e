#include "common/event/json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "common/base/ascii.h"
#include "common/base/encoding.h"
#include "common/base/limits.h"
#include "common/event/codec.h"
#include "common/event/event_id.h"
#include "common/event/field_text.h"
#include "common/event/time_text.h"

namespace lb::event {

namespace {

using nlohmann::json;

Error wrong(std::string_view member, std::string_view why) {
    return {ErrorCode::kReject, "\"" + std::string(member) + "\": " + std::string(why)};
}

// name=value,... of an object; a name or value that the text form cannot carry is refused.
Result<std::string> tags_text(std::string_view member, const json& object) {
    TagList tags;
    for (const auto& [name, value] : object.items()) {
        if (!value.is_string()) return wrong(member, "the value of each tag must be text");
        const auto& text = value.get_ref<const std::string&>();
        if (name.find_first_of("=,") != std::string::npos || text.find(',') != std::string::npos)
            return wrong(member, "a tag's name has no '=' or ',', and its value no ','");
        tags.emplace_back(name, text);
    }
    return text_of_tags(tags);
}

// The text of a scalar: strings as they are, numbers in decimal, true and false as words.
Result<std::string> scalar_text(std::string_view member, const json& value) {
    if (value.is_null()) return std::string();
    if (value.is_string()) return value.get<std::string>();
    if (value.is_boolean()) return std::string(value.get<bool>() ? "true" : "false");
    if (value.is_number_unsigned()) return std::to_string(value.get<std::uint64_t>());
    if (value.is_number_integer()) return std::to_string(value.get<std::int64_t>());
    if (value.is_number()) return text_of_real(value.get<double>());
    if (value.is_object()) return tags_text(member, value);
    return wrong(member, "expected text, a number, true or false");
}

// RFC 3339, or the digits of ULM.
Result<std::int64_t> time_of_text(std::string_view member, const std::string& text) {
    auto time_us = time_from_text(text);
    if (time_us.ok()) return time_us;
    const bool is_digits = text.find_first_not_of("0123456789.") == std::string::npos;
    auto of_digits = time_from_ulm(text);
    return is_digits && of_digits.ok() ? of_digits : wrong(member, time_us.error().text);
}

// Text, or seconds since 1970 as a number.
Result<std::int64_t> time_of(std::string_view member, const json& value) {
    if (value.is_string()) return time_of_text(member, value.get_ref<const std::string&>());
    constexpr double kSecondsMax = 9e12;
    if (!value.is_number() || !(std::abs(value.get<double>()) < kSecondsMax))
        return wrong(member, "expected RFC 3339 text or seconds since 1970");
    if (value.is_number_integer()) return value.get<std::int64_t>() * 1'000'000;
    return static_cast<std::int64_t>(std::llround(value.get<double>() * 1e6));
}

bool is_true(const json& value) {
    if (value.is_boolean()) return value.get<bool>();
    if (value.is_number()) return value.get<double>() != 0;
    return value.is_string() && value != "false" && value != "0" && value != "";
}

struct TextMember {
    std::string_view name;
    std::string Event::*member;
};

// clang-format off
constexpr std::array kTextMembers = {
    TextMember{"host",            &Event::host},
    TextMember{"instance",        &Event::source_instance},
    TextMember{"source_instance", &Event::source_instance},
    TextMember{"src_instance",    &Event::source_instance},
    TextMember{"sequence_code",   &Event::sequence_code},
    TextMember{"seqcode",         &Event::sequence_code},
    TextMember{"user",            &Event::user},
};
constexpr std::array<std::string_view, 7> kSubjectMembers = {
    "process", "process_id", "subject", "key", "jobId", "jobid", "job_id"};
constexpr std::array<std::string_view, 2> kTimeMembers = {"time", "timestamp"};
// clang-format on

template <typename List>
bool contains(const List& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

class Reader {
  public:
    explicit Reader(const json& object) : object_(object) {}

    Result<JsonEvent> read() {
        LB_TRY(take_type());
        for (const auto& [name, value] : object_.items()) LB_TRY(take(name, value));
        if (!has_time_) return wrong("time", "it is missing");
        return std::move(result_);
    }

  private:
    Event& event() { return result_.event; }

    Status take_type() {
        const auto found = object_.find("type");
        if (found == object_.end() || !found->is_string()) return wrong("type", "it is missing");
        const auto& name = found->get_ref<const std::string&>();
        type_ = find_type(name);
        if (type_ == nullptr) return wrong("type", "there is no event type \"" + name + "\"");
        event().type = type_->code;
        return {};
    }

    Status take(const std::string& name, const json& value) {
        if (name == "type" || value.is_null()) return {};
        if (contains(kTimeMembers, name)) {
            has_time_ = true;
            return take_time(name, value, event().time_us);
        }
        if (name == "fields") return take_fields(value);
        if (name == "attributes") return take_attributes(value);
        if (contains(kSubjectMembers, name)) return take_text(name, value, result_.subject);
        for (const TextMember& text : kTextMembers)
            if (text.name == name) return take_text(name, value, event().*text.member);
        return take_other(name, value);
    }

    Status take_other(const std::string& name, const json& value) {
        if (name == "source") return take_source(value);
        if (name == "level") return take_level(value);
        if (name == "resync") event().is_resync = is_true(value);
        if (name == "since") return take_time(name, value, event().since_us.emplace());
        if (name == "priority") return take_priority(value);
        if (name == "event_id") return take_event_id(value);
        if (type_->find_field(name) != nullptr) return take_field(name, value);
        return {};  // members of others are ignored
    }

    static Status take_text(std::string_view name, const json& value, std::string& target) {
        LB_TRY_ASSIGN(target, scalar_text(name, value));
        if (target.size() > limits::kHeaderTextBytesMax) return wrong(name, "the text is too long");
        return {};
    }

    static Status take_time(std::string_view name, const json& value, std::int64_t& target) {
        LB_TRY_ASSIGN(target, time_of(name, value));
        return {};
    }

    Status take_source(const json& value) {
        LB_TRY_ASSIGN(const std::string name, scalar_text("source", value));
        const auto source = source_of_name(name);
        if (!source) return wrong("source", "there is no source \"" + name + "\"");
        event().source = *source;
        return {};
    }

    Status take_level(const json& value) {
        LB_TRY_ASSIGN(const std::string name, scalar_text("level", value));
        const auto names = level_names();
        for (std::size_t i = 0; i < names.size(); ++i)
            if (equal_ignoring_case(names[i], name)) event().level = static_cast<std::uint8_t>(i);
        return {};
    }

    Status take_priority(const json& value) {
        if (!value.is_number_unsigned() || value.get<std::uint64_t>() > UINT32_MAX)
            return wrong("priority", "expected a whole number from 0 to 4294967295");
        event().priority = value.get<std::uint32_t>();
        return {};
    }

    Status take_event_id(const json& value) {
        LB_TRY_ASSIGN(std::string text, scalar_text("event_id", value));
        std::erase(text, '-');
        const auto bytes = from_hex(text);
        if (!bytes || bytes->size() != kEventIdBytes)
            return wrong("event_id", "expected 32 hexadecimal digits");
        result_.event_id = *bytes;
        return {};
    }

    Status take_field(const std::string& name, const json& value) {
        LB_TRY_ASSIGN(const std::string text, field_text(*type_->find_field(name), value));
        const Status status = set_field_from_text(event(), name, text);
        return status.ok() ? status : wrong(name, status.error().text);
    }

    static Result<std::string> field_text(const FieldInfo& field, const json& value) {
        if (field.kind != FieldKind::kTime || value.is_null())
            return scalar_text(field.name, value);
        LB_TRY_ASSIGN(const std::int64_t time_us, time_of(field.name, value));
        return std::to_string(time_us);
    }

    Status take_fields(const json& value) {
        if (!value.is_object()) return wrong("fields", "expected an object");
        for (const auto& [name, field] : value.items()) {
            if (type_->find_field(name) != nullptr)
                LB_TRY(take_field(name, field));
            else if (name == "resync" || name == "since")
                LB_TRY(take_other(name, field));
            else
                return wrong(name, std::string(type_->name) + " has no such field");
        }
        return {};
    }

    Status take_attributes(const json& value) {
        if (!value.is_object() || value.size() > limits::kAttributesMax)
            return wrong("attributes", "expected an object of at most " +
                                           std::to_string(limits::kAttributesMax) + " members");
        for (const auto& [name, attribute] : value.items()) {
            LB_TRY_ASSIGN(event().attributes[name], scalar_text(name, attribute));
        }
        return {};
    }

    const json& object_;
    const TypeInfo* type_ = nullptr;
    bool has_time_ = false;
    JsonEvent result_;
};

json field_to_json(const FieldInfo& field, const std::string& text) {
    switch (field.kind) {
        case FieldKind::kInteger:
        case FieldKind::kPort:
            return static_cast<std::int64_t>(number_of_text(field, text));
        case FieldKind::kReal:
            return real_of_text(text);
        case FieldKind::kTime:
            return time_to_text(static_cast<std::int64_t>(number_of_text(field, text)));
        case FieldKind::kTags: {
            json tags = json::object();
            for (const auto& [name, value] : tags_of_text(text)) tags[name] = value;
            return tags;
        }
        case FieldKind::kText:
        case FieldKind::kProcessId:
        case FieldKind::kEnum:
        case FieldKind::kSource:
            return text;
    }
    return text;
}

}  // namespace

Result<JsonEvent> event_from_json(const json& object) {
    if (!object.is_object()) return Error{ErrorCode::kReject, "expected a JSON object"};
    return Reader(object).read();
}

json event_to_json(std::string_view subject, const Event& event) {
    const TypeInfo* type = find_type(event.type);
    json object = json::object();
    object["type"] = type != nullptr ? json(type->name) : json(event.type);
    object[subject.starts_with("https://") ? "process" : "key"] = subject;
    object["time"] = time_to_text(event.time_us);
    object["source"] = text_of(event.source);
    object["level"] = level_names()[event.level];
    for (const auto& [name, text] : {std::pair{"host", &event.host},
                                     {"instance", &event.source_instance},
                                     {"sequence_code", &event.sequence_code},
                                     {"user", &event.user}})
        if (!text->empty()) object[name] = *text;
    if (event.priority != 0) object["priority"] = event.priority;
    if (event.is_resync) object["resync"] = true;
    if (event.since_us) object["since"] = time_to_text(*event.since_us);
    if (!event.attributes.empty()) object["attributes"] = event.attributes;
    if (type == nullptr) return object;
    json fields = json::object();
    for (const FieldValue& value : event.fields) {
        const FieldInfo& field = type->fields[value.index];
        fields[std::string(field.name)] = field_to_json(field, value.text);
    }
    if (!fields.empty()) object["fields"] = std::move(fields);
    return object;
}

}  // namespace lb::event
