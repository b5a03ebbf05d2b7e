// How bodies are kept: an envelope without what its row says already, and packed when that is
// shorter. decode_body() gives the very bytes that encode_body() got, or encode_body() keeps them
// verbatim; only the subject stands as the subject's row writes it, the canonical form.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace lb::store {

// Stored numbers: never reused.
enum class BodyFormat : std::uint8_t {
    kVerbatim = 0,         // the envelope
    kCompact = 1,          // the envelope without event id, subject and stamp
    kCompactDeflated = 2,  // kCompact, raw deflate over the stamp: read, no longer written
    kCompactPreset1 = 3,   // kCompact, over preset/bodies_1.zdict
};

struct Body {
    BodyFormat format = BodyFormat::kVerbatim;
    // What many envelopes share, for the dictionary table: a serialized lb.v1.Acceptance of origin,
    // identity, host and boot alone. Empty for kVerbatim.
    std::string stamp;
    std::string bytes;
};

Body encode_body(std::string_view envelope, std::string_view event_id);

// The columns beside the body.
struct BodyContext {
    std::string_view event_id;
    std::string_view subject;
};
// kCorrupt when the bytes are not what encode_body() made.
Result<std::string> decode_body(const Body& body, const BodyContext& context);

// Registers: packed when that is shorter. Stored numbers: never reused.
enum class RegistersFormat : std::uint8_t {
    kPlain = 0,
    kDeflated = 1,  // raw deflate: read, no longer written
    kZstd = 2,      // one frame that tells its size: read, no longer written
    kPreset1 = 3,   // over preset/registers_1.zdict
};
struct PackedRegisters {
    RegistersFormat format = RegistersFormat::kPlain;
    std::string bytes;
};
// kReject when they are longer than unpack_registers() expands.
Result<PackedRegisters> pack_registers(std::string_view registers);
Result<std::string> unpack_registers(const PackedRegisters& packed);

}  // namespace lb::store
