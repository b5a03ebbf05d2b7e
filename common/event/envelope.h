// Envelopes: what travels and what the spool holds (proto/lb/v1/envelope.proto), checked at every
// door.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace lb::v1 {
class Envelope;
}

namespace lb::event {

inline constexpr std::uint32_t kEventSchema = 1;

// Parses and checks `bytes`: size, schema version, 16-byte ids, a well-formed subject, an event
// that is not empty. kUnsupported for a newer schema, kReject with the field's name otherwise. The
// event itself is not looked at. `needs_acceptance`: false for what a producer sends, true from the
// first daemon on.
Result<v1::Envelope> parse_envelope(std::string_view bytes, bool needs_acceptance);

}  // namespace lb::event
