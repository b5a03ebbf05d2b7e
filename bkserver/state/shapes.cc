#include "bkserver/state/shapes.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "common/event/time_text.h"

namespace lb::state {
namespace {

using nlohmann::ordered_json;

// A number; a text that is none stays a text: nothing that was logged gets lost.
ordered_json integer(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size()) return value;
    return std::string(text);
}

ordered_json time(std::string_view text) {
    const ordered_json value = integer(text);
    if (!value.is_number()) return value;
    return event::time_to_text(value.get<std::int64_t>());
}

// "a=1,b=2" as an object.
ordered_json pairs(std::string_view text) {
    ordered_json object = ordered_json::object();
    while (!text.empty()) {
        const std::string_view pair = text.substr(0, text.find(','));
        text.remove_prefix(std::min(text.size(), pair.size() + 1));
        const std::size_t equals = pair.find('=');
        if (equals == std::string_view::npos || equals == 0) continue;
        object[std::string(pair.substr(0, equals))] = std::string(pair.substr(equals + 1));
    }
    return object;
}

ordered_json lines(std::string_view text) {
    ordered_json list = ordered_json::array();
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        list.push_back(std::string(line));
    }
    return list;
}

ordered_json named(const Registers& registers, std::uint16_t number) {
    ordered_json object = ordered_json::object();
    for (auto at = registers.claims.lower_bound(Slot{number, {}});
         at != registers.claims.end() && at->first.register_number == number; ++at)
        object[at->second.label] = at->second.value;
    return object.empty() ? ordered_json() : object;
}

// Addresses with the time since when, and until when the machine had them.
ordered_json periods(const Registers& registers, std::uint16_t number) {
    const std::uint16_t twin = Attr{"addresses_removed"}.number();
    ordered_json object = ordered_json::object();
    for (auto at = registers.claims.lower_bound(Slot{number, {}});
         at != registers.claims.end() && at->first.register_number == number; ++at) {
        ordered_json entry = pairs(at->second.value);
        entry["from"] = event::time_to_text(at->second.time_us);
        const auto removed = registers.claims.find(Slot{twin, at->first.name});
        if (removed != registers.claims.end() && removed->second.key > at->second.key)
            entry["to"] = event::time_to_text(removed->second.time_us);
        object[at->second.label] = std::move(entry);
    }
    return object.empty() ? ordered_json() : object;
}

}  // namespace

const Claim* claim_of_register(const Registers& registers, Attr attribute) {
    const auto at = registers.claims.find(Slot{attribute.number(), {}});
    return at == registers.claims.end() ? nullptr : &at->second;
}

std::string_view text_of_register(const Registers& registers, Attr attribute) {
    const Claim* claim = claim_of_register(registers, attribute);
    return claim == nullptr ? std::string_view() : std::string_view(claim->value);
}

ordered_json show_register(const Registers& registers, const AttributeInfo& info) {
    if (info.shape == Shape::kPeriods) return periods(registers, info.number);
    if (is_named(info.merge)) return named(registers, info.number);
    const auto at = registers.claims.find(Slot{info.number, {}});
    if (at == registers.claims.end()) return {};
    const std::string& text = at->second.value;
    switch (info.shape) {
        case Shape::kBool:
            return text == "true";
        case Shape::kInteger:
            return integer(text);
        case Shape::kTime:
            return time(text);
        case Shape::kPairs:
            return pairs(text);
        case Shape::kLines:
            return lines(text);
        case Shape::kText:
        case Shape::kNamed:
        case Shape::kPeriods:
        case Shape::kList:
        case Shape::kObject:
        case Shape::kHidden:
            return text;
    }
    return {};
}

bool ends_relations(MainState state) {
    return state == MainState::kDone || state == MainState::kAborted ||
           state == MainState::kCancelled || state == MainState::kCleared;
}

std::optional<Mirror> mirror_of(const event::Event& event, std::string_view process) {
    const auto type = static_cast<event::EventType>(event.type);
    if (type != event::EventType::kConnectJob && type != event::EventType::kDisconnectJob)
        return {};
    const std::string_view other = event.text("dest_jobid");
    if (event.source == event::Source::kLbServer || other.empty()) return {};
    Mirror mirror{std::string(other), event};
    mirror.event.source = event::Source::kLbServer;
    mirror.event.sequence_code.clear();
    mirror.event.fields.clear();
    mirror.event.set_text("dest_jobid", std::string(process));
    return mirror;
}

void show_connections(const Registers& registers, std::string_view process, Draft& draft) {
    const std::uint16_t number = Attr{"edges"}.number();
    ordered_json list = ordered_json::array();
    for (auto at = registers.claims.lower_bound(Slot{number, {}});
         at != registers.claims.end() && at->first.register_number == number; ++at) {
        const bool connected = at->second.value == "connect";
        const std::string_view word = !connected                               ? "cancelled"
                                      : ends_relations(draft.course().state()) ? "inactive"
                                                                               : "active";
        list.push_back(ordered_json{
            {"from", std::string(process)}, {"to", at->second.label}, {"state", word}});
    }
    if (!list.empty()) draft.set_json(Attr{"connections"}.index, std::move(list));
}

}  // namespace lb::state
