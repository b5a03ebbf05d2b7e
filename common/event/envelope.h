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

// Who sent the envelope decides what it must carry.
enum class EnvelopeFrom : std::uint8_t {
    kProducer,  // no acceptance, which the first daemon makes; perhaps no event id
    kDaemon,    // stamped; an import has what its line says of the stamp, at least an identity
};

// Parses and checks `bytes`: size, 16-byte ids, a well-formed subject, an event that is not empty.
// kReject with the field's name. The event itself is not looked at, and a schema that is newer than
// this program goes through: what is inside is its reader's affair.
Result<v1::Envelope> parse_envelope(std::string_view bytes, EnvelopeFrom from);

}  // namespace lb::event
