// Event ids: 16 bytes, made once at an event's origin (design: identity).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lb::event {

inline constexpr std::size_t kEventIdBytes = 16;

// UUID version 7 of this moment and random bits.
std::string new_event_id();
// Derived ids are UUIDs of version 8: the first 16 bytes of a SHA-256 with version and variant set.
// Whoever derives an id from the same thing arrives at the same id.
//
// Of any text of ours.
std::string event_id_of_text(std::string_view text);
// Of an imported event: "lb-import-1", its canonical subject, its bytes (encode). A line that is
// imported twice is one event, whatever its spelling.
std::string event_id_of_import(std::string_view subject, std::string_view event_bytes);
// Of a source's own message identity, for example nova's message_id in the scope of its cloud.
std::string event_id_of_source(std::string_view scope, std::string_view id);
// Derived, not made at random: two reporters of one message may have written it differently.
bool is_derived_event_id(std::string_view event_id);
// 8-4-4-4-12 hexadecimal digits.
std::string event_id_to_text(std::string_view event_id);

}  // namespace lb::event
