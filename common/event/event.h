// An event as the rooms of this project handle it: header fields by name, payload fields as text in
// the order of the type's table. Text is the common form: ULM, JSON and the command line write it
// as it is, the state tables compare it, and the codec (codec.h) knows each field's type on the
// wire.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/event/table.h"

namespace lb::event {

struct FieldValue {
    std::uint8_t index;  // into TypeInfo::fields
    std::string text;    // in the canonical form of FieldKind; empty = absent

    bool operator==(const FieldValue&) const = default;
};

struct Event {
    std::uint16_t type = 0;    // EventType's number; may be one that this version does not know
    std::int64_t time_us = 0;  // when it happened, producer's clock
    std::string host;
    Source source = Source::kUndefined;
    std::string source_instance;
    std::uint8_t level = 0;  // index into level_names()
    std::string sequence_code;
    std::string user;            // identity that the producer states
    std::uint32_t priority = 0;  // the original's bit mask
    bool is_resync = false;      // a look: what was found, not what happened
    std::optional<std::int64_t> since_us;
    std::map<std::string, std::string> attributes;
    std::vector<FieldValue> fields;  // ascending by index; no empty text

    // The text of the field called `name` in this type's table; empty when absent or unknown.
    [[nodiscard]] std::string_view text(std::string_view name) const;
    // Sets, or with empty text removes, a field. False when the type has no such field.
    bool set_text(std::string_view name, std::string text);

    bool operator==(const Event&) const = default;
};

}  // namespace lb::event
