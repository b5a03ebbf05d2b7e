// Event ids: 16 bytes, made once at an event's origin (design: identity).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lb::event {

inline constexpr std::size_t kEventIdBytes = 16;

// UUID version 7 of this moment and random bits.
std::string new_event_id();
// Of an imported line: the first 16 bytes of SHA-256(canonical text).
std::string event_id_of_text(std::string_view canonical_text);
// Of a source's own message identity, for example nova's message_id: SHA-256("source-id/" scope "/"
// id).
std::string event_id_of_source(std::string_view scope, std::string_view id);
// 8-4-4-4-12 hexadecimal digits.
std::string event_id_to_text(std::string_view event_id);

}  // namespace lb::event
