#include "bkserver/state/words.h"

namespace lb::state {

std::string event_word(event::EventType type) {
    const event::TypeInfo* info = event::find_type(static_cast<std::uint16_t>(type));
    return info == nullptr ? "any event" : std::string(info->name);
}

std::string sources_words(Sources sources) {
    if (sources == kAny) return "any source";
    const auto names = event::source_names();
    const bool most = (sources >> names.size()) != 0;  // a complement: all but a few
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (((sources >> i & 1U) != 0) == most) continue;
        if (!text.empty()) text += " or ";
        text += names[i];
    }
    return most ? "any source but " + text : text;
}

std::string when_words(const When& when) {
    std::string text;
    for (const Test& test : when) {
        if (test.field.empty()) continue;
        if (!text.empty()) text += ", ";
        if (test.value.empty())
            text += std::string(test.is_equal ? "no " : "a ") + std::string(test.field);
        else
            text +=
                std::string(test.field) + (test.is_equal ? "=" : "!=") + std::string(test.value);
    }
    return text;
}

std::string value_words(const Value& value) {
    switch (value.kind) {
        case Value::Kind::kField:
            return std::string(value.text) +
                   (value.fallback.empty() ? "" : " or " + std::string(value.fallback));
        case Value::Kind::kFixed:
            return "'" + std::string(value.text) + "'";
        case Value::Kind::kUser:
            return "the producer's identity";
        case Value::Kind::kOwner:
            return "whom the registration is for";
        case Value::Kind::kInstance:
            return "the source's instance";
        case Value::Kind::kHostInstance:
            return "host:instance";
        case Value::Kind::kEventTime:
            return "the event's time";
        case Value::Kind::kPbsLetter:
            return "the letter of newstate";
        case Value::Kind::kFqans:
            return "the producer's FQANs";
        case Value::Kind::kAddress:
            return "mac, hostname";
    }
    return {};
}

std::string_view merge_word(Merge merge) {
    switch (merge) {
        case Merge::kNewest:
            return "newest";
        case Merge::kFirst:
            return "first";
        case Merge::kPerName:
            return "newest of each name";
        case Merge::kPerId:
            return "newest of each id";
        case Merge::kDerived:
            return "derived";
    }
    return {};
}

}  // namespace lb::state
