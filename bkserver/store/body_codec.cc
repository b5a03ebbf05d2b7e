#include "bkserver/store/body_codec.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include "bkserver/store/preset.h"
#include "common/base/limits.h"
#include "lb/v1/envelope.pb.h"

namespace lb::store {

namespace {

// Of deflate: log2 of bytes.
constexpr int kBodyWindow = 10;
constexpr int kRegistersWindow = 12;
// Longer stamps do not fit the dictionary table.
constexpr std::size_t kStampBytesMax = 1024;
// Nothing that is stored is longer when expanded.
constexpr std::size_t kExpandedBytesMax = 16 * limits::kEventBytesMax;

Bytef* input_of(std::string_view bytes) {
    return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
}

// Of formats that are read, but no longer written.
class Inflater {
  public:
    explicit Inflater(int window) : is_ready_(inflateInit2(&stream_, -window) == Z_OK) {}
    ~Inflater() {
        if (is_ready_) inflateEnd(&stream_);
    }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    Result<std::string> whole(std::string_view bytes, std::string_view dictionary) {
        const Error corrupt = {ErrorCode::kCorrupt, "stored bytes do not inflate"};
        if (!is_ready_ || inflateReset(&stream_) != Z_OK) return corrupt;
        if (!dictionary.empty())
            inflateSetDictionary(&stream_, input_of(dictionary),
                                 static_cast<uInt>(dictionary.size()));
        stream_.next_in = input_of(bytes);
        stream_.avail_in = static_cast<uInt>(bytes.size());
        std::string out;
        int outcome = Z_OK;
        while (outcome == Z_OK && out.size() < kExpandedBytesMax) {
            const std::size_t had = out.size();
            out.resize(had + std::max<std::size_t>(bytes.size() * 4, 256));
            stream_.next_out = reinterpret_cast<Bytef*>(out.data() + had);
            stream_.avail_out = static_cast<uInt>(out.size() - had);
            outcome = inflate(&stream_, Z_NO_FLUSH);
        }
        out.resize(stream_.total_out);
        if (outcome != Z_STREAM_END) return corrupt;
        return out;
    }

  private:
    z_stream stream_ = {};
    bool is_ready_;
};

Result<std::string> expanded_zstd(std::string_view frame) {
    const Error corrupt = {ErrorCode::kCorrupt, "stored registers do not expand"};
    const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
    // The marks of an unknown size are greater, too.
    if (size > kExpandedBytesMax) return corrupt;
    std::string out(static_cast<std::size_t>(size), '\0');
    if (ZSTD_decompress(out.data(), out.size(), frame.data(), frame.size()) != size) return corrupt;
    return out;
}

// What is each event's own in an acceptance.
lb::v1::Acceptance own_part(const lb::v1::Acceptance& acceptance) {
    lb::v1::Acceptance own;
    own.set_counter(acceptance.counter());
    own.set_accepted_at_us(acceptance.accepted_at_us());
    own.set_monotonic_us(acceptance.monotonic_us());
    own.set_stated_arrival_us(acceptance.stated_arrival_us());
    return own;
}

// What envelopes of one producer on one boot of one host share.
std::string stamp_of(const lb::v1::Acceptance& acceptance) {
    lb::v1::Acceptance stamp = acceptance;
    stamp.clear_counter();
    stamp.clear_accepted_at_us();
    stamp.clear_monotonic_us();
    stamp.clear_stated_arrival_us();
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

Body encode_body(std::string_view envelope_bytes, std::string_view event_id) {
    Body verbatim = {BodyFormat::kVerbatim, {}, std::string(envelope_bytes)};
    lb::v1::Envelope envelope;
    if (!envelope.ParseFromArray(envelope_bytes.data(), static_cast<int>(envelope_bytes.size())))
        return verbatim;
    // The parts make this very message again: its bytes come back if they are those that it makes.
    if (envelope.event_id() != event_id || envelope.SerializeAsString() != envelope_bytes)
        return verbatim;
    Body body = {BodyFormat::kCompact, {}, {}};
    if (envelope.has_acceptance()) {
        body.stamp = stamp_of(envelope.acceptance());
        *envelope.mutable_acceptance() = own_part(envelope.acceptance());
    }
    if (body.stamp.size() > kStampBytesMax) return verbatim;
    envelope.clear_event_id();
    envelope.clear_subject();
    body.bytes = envelope.SerializeAsString();
    if (auto shorter = preset_of_bodies().shorter(body.bytes)) {
        body.format = BodyFormat::kCompactPreset1;
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
            thread_local Inflater inflater(kBodyWindow);
            LB_TRY_ASSIGN(const std::string compact, inflater.whole(body.bytes, body.stamp));
            return expanded(compact, body.stamp, context);
        }
        case BodyFormat::kCompactPreset1: {
            LB_TRY_ASSIGN(const std::string compact,
                          preset_of_bodies().whole(body.bytes, kExpandedBytesMax));
            return expanded(compact, body.stamp, context);
        }
    }
    return Error{
        ErrorCode::kUnsupported,
        "body format " + std::to_string(static_cast<int>(body.format)) + " is of a newer server"};
}

Result<PackedRegisters> pack_registers(std::string_view registers) {
    if (registers.size() > kExpandedBytesMax)
        return Error{ErrorCode::kReject, "what is kept of the process would become longer than " +
                                             std::to_string(kExpandedBytesMax) + " bytes"};
    if (auto shorter = preset_of_registers().shorter(registers))
        return PackedRegisters{RegistersFormat::kPreset1, std::move(*shorter)};
    return PackedRegisters{RegistersFormat::kPlain, std::string(registers)};
}

Result<std::string> unpack_registers(const PackedRegisters& packed) {
    switch (packed.format) {
        case RegistersFormat::kPlain:
            return packed.bytes;
        case RegistersFormat::kDeflated:
            return Inflater(kRegistersWindow).whole(packed.bytes, {});
        case RegistersFormat::kZstd:
            return expanded_zstd(packed.bytes);
        case RegistersFormat::kPreset1:
            return preset_of_registers().whole(packed.bytes, kExpandedBytesMax);
    }
    return Error{ErrorCode::kUnsupported, "registers of an unknown format: of a newer server"};
}

}  // namespace lb::store
