#include "bkserver/store/body_codec.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "common/base/limits.h"
#include "lb/v1/envelope.pb.h"

namespace lb::store {

namespace {

// A small window: bodies are a few hundred bytes, and the stream's memory is made anew each time.
constexpr int kBodyWindowBits = 10;
constexpr int kBodyMemoryLevel = 2;
constexpr int kRegistersWindowBits = 12;
constexpr int kRegistersMemoryLevel = 5;
// Below this a text does not get shorter.
constexpr std::size_t kDeflateBytesMin = 48;
// Longer stamps do not fit the dictionary table.
constexpr std::size_t kStampBytesMax = 1024;
// Nothing that is stored is longer when inflated.
constexpr std::size_t kInflatedBytesMax = 16 * limits::kEventBytesMax;

Bytef* input_of(std::string_view bytes) {
    return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
}

struct Squeeze {
    int window_bits;
    int memory_level;
    std::string_view dictionary;
};

// Nothing when the result would not be shorter.
std::optional<std::string> deflated(std::string_view bytes, const Squeeze& how) {
    z_stream stream = {};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -how.window_bits, how.memory_level,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return std::nullopt;
    if (!how.dictionary.empty())
        deflateSetDictionary(&stream, input_of(how.dictionary),
                             static_cast<uInt>(how.dictionary.size()));
    std::string out(bytes.size(), '\0');
    stream.next_in = input_of(bytes);
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const bool is_shorter = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    out.resize(stream.total_out);
    deflateEnd(&stream);
    if (!is_shorter) return std::nullopt;
    return out;
}

Result<std::string> inflated(std::string_view bytes, const Squeeze& how) {
    const Error corrupt = {ErrorCode::kCorrupt, "stored bytes do not inflate"};
    z_stream stream = {};
    if (inflateInit2(&stream, -how.window_bits) != Z_OK) return corrupt;
    if (!how.dictionary.empty())
        inflateSetDictionary(&stream, input_of(how.dictionary),
                             static_cast<uInt>(how.dictionary.size()));
    stream.next_in = input_of(bytes);
    stream.avail_in = static_cast<uInt>(bytes.size());
    std::string out;
    int outcome = Z_OK;
    while (outcome == Z_OK && out.size() < kInflatedBytesMax) {
        const std::size_t had = out.size();
        out.resize(had + std::max<std::size_t>(bytes.size() * 4, 256));
        stream.next_out = reinterpret_cast<Bytef*>(out.data() + had);
        stream.avail_out = static_cast<uInt>(out.size() - had);
        outcome = inflate(&stream, Z_NO_FLUSH);
    }
    out.resize(stream.total_out);
    inflateEnd(&stream);
    if (outcome != Z_STREAM_END) return corrupt;
    return out;
}

// What envelopes of one producer on one boot of one host share.
std::string stamp_of(const lb::v1::Acceptance& acceptance) {
    lb::v1::Acceptance stamp = acceptance;
    stamp.clear_counter();
    stamp.clear_accepted_at_us();
    stamp.clear_monotonic_us();
    return stamp.SerializeAsString();
}

Result<std::string> expanded(std::string_view compact, std::string_view stamp,
                             const BodyContext& context) {
    lb::v1::Envelope envelope;
    if (!envelope.ParseFromArray(compact.data(), static_cast<int>(compact.size())))
        return Error{ErrorCode::kCorrupt, "stored body is no envelope"};
    envelope.set_event_id(std::string(context.event_id));
    envelope.set_subject(std::string(context.subject));
    if (!stamp.empty() && !envelope.mutable_acceptance()->MergeFromString(std::string(stamp)))
        return Error{ErrorCode::kCorrupt, "stored stamp is no acceptance"};
    return envelope.SerializeAsString();
}

}  // namespace

Body encode_body(std::string_view envelope_bytes, const BodyContext& context) {
    Body verbatim = {BodyFormat::kVerbatim, {}, std::string(envelope_bytes)};
    lb::v1::Envelope envelope;
    if (!envelope.ParseFromArray(envelope_bytes.data(), static_cast<int>(envelope_bytes.size())))
        return verbatim;
    Body body = {BodyFormat::kCompact, {}, {}};
    if (envelope.has_acceptance()) {
        body.stamp = stamp_of(envelope.acceptance());
        lb::v1::Acceptance rest;
        rest.set_counter(envelope.acceptance().counter());
        rest.set_accepted_at_us(envelope.acceptance().accepted_at_us());
        rest.set_monotonic_us(envelope.acceptance().monotonic_us());
        *envelope.mutable_acceptance() = rest;
    }
    envelope.clear_event_id();
    envelope.clear_subject();
    body.bytes = envelope.SerializeAsString();
    const auto back = expanded(body.bytes, body.stamp, context);
    if (body.stamp.size() > kStampBytesMax || !back.ok() || *back != envelope_bytes)
        return verbatim;
    if (body.bytes.size() < kDeflateBytesMin) return body;
    if (auto shorter = deflated(body.bytes, {kBodyWindowBits, kBodyMemoryLevel, body.stamp})) {
        body.format = BodyFormat::kCompactDeflated;
        body.bytes = std::move(*shorter);
    }
    return body;
}

Result<std::string> decode_body(const Body& body, const BodyContext& context) {
    switch (body.format) {
        case BodyFormat::kVerbatim:
            return body.bytes;
        case BodyFormat::kCompact:
            return expanded(body.bytes, body.stamp, context);
        case BodyFormat::kCompactDeflated: {
            LB_TRY_ASSIGN(const std::string compact,
                          inflated(body.bytes, {kBodyWindowBits, kBodyMemoryLevel, body.stamp}));
            return expanded(compact, body.stamp, context);
        }
    }
    return Error{
        ErrorCode::kUnsupported,
        "body format " + std::to_string(static_cast<int>(body.format)) + " is of a newer server"};
}

PackedRegisters pack_registers(std::string_view registers) {
    if (registers.size() >= kDeflateBytesMin)
        if (auto shorter = deflated(registers, {kRegistersWindowBits, kRegistersMemoryLevel, {}}))
            return {RegistersFormat::kDeflated, std::move(*shorter)};
    return {RegistersFormat::kPlain, std::string(registers)};
}

Result<std::string> unpack_registers(const PackedRegisters& packed) {
    switch (packed.format) {
        case RegistersFormat::kPlain:
            return packed.bytes;
        case RegistersFormat::kDeflated:
            return inflated(packed.bytes, {kRegistersWindowBits, kRegistersMemoryLevel, {}});
    }
    return Error{ErrorCode::kUnsupported, "registers of an unknown format: of a newer server"};
}

}  // namespace lb::store
