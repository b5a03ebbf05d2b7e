// lb.v1.Event bytes <-> Event, driven by the table. encode() needs no protobuf library, so that
// lb-logevent starts in a millisecond; tests prove it equal to protobuf's own encoding.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/event/event.h"

namespace lb::event {

// Deterministic: fields in ascending number, absent ones omitted, attributes by name; bytes that
// are no UTF-8 are repaired.
std::string encode(const Event& event);

// kReject with the place when the bytes are no lb.v1.Event, when a text is no UTF-8 or over
// limits::kFieldBytesMax, a time is none, attributes are too many or there are two payloads.
// Unknown fields are skipped; an unknown payload number gives an Event of that type without fields,
// an unknown source stays its number (the bytes stay with their owner).
Result<Event> decode(std::string_view bytes);

// Sets field `name` of `event` from what a person, ULM or JSON wrote: enum and source names in any
// case, decimal numbers, tags. kReject says what is allowed instead.
Status set_field_from_text(Event& event, std::string_view name, std::string_view text);

}  // namespace lb::event
