// A field's canonical text (table.h, FieldKind) and the number that travels for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/event/table.h"

namespace lb::event {

// What a person, ULM or JSON wrote, made canonical. kReject says what is allowed instead.
Result<std::string> canonical_text(const FieldInfo& field, std::string_view text);

// Of canonical text. An enum value or source that this version does not know is its number in
// decimal.
std::uint64_t number_of_text(const FieldInfo& field, std::string_view text);
double real_of_text(std::string_view text);
// The canonical text of a number that came over the wire.
std::string text_of_number(const FieldInfo& field, std::uint64_t number);
std::string text_of_real(double value);

using TagList = std::vector<std::pair<std::string, std::string>>;
// name=value,name=value; entries without '=' or with an empty value are dropped, as in the
// original.
TagList tags_of_text(std::string_view text);
std::string text_of_tags(const TagList& tags);

std::optional<Source> source_of_name(std::string_view name);
// The source's name; of one that this version does not know its number in decimal.
std::string text_of(Source source);

}  // namespace lb::event
