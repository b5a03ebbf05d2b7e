#include "bkserver/store/body_codec.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "common/base/limits.h"
#include "lb/v1/envelope.pb.h"

namespace lb::store {

namespace {

// Small windows: bodies are a few hundred bytes, registers a few thousand.
struct Window {
    int bits;
    int memory_level;
};
constexpr Window kBodyWindow = {10, 2};
constexpr Window kRegistersWindow = {12, 5};
// Registers are written with each event: there speed counts more than the last tenth of the size.
constexpr int kRegistersEffort = 1;
// Below this a text does not get shorter.
constexpr std::size_t kDeflateBytesMin = 48;
// Longer stamps do not fit the dictionary table.
constexpr std::size_t kStampBytesMax = 1024;
// Nothing that is stored is longer when inflated.
constexpr std::size_t kInflatedBytesMax = 16 * limits::kEventBytesMax;

Bytef* input_of(std::string_view bytes) {
    return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
}

// One stream that is begun anew for each text: making one costs more than a short text does.
class Deflater {
  public:
    explicit Deflater(const Window& window)
        : is_ready_(deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -window.bits,
                                 window.memory_level, Z_DEFAULT_STRATEGY) == Z_OK) {}
    ~Deflater() {
        if (is_ready_) deflateEnd(&stream_);
    }
    Deflater(const Deflater&) = delete;
    Deflater& operator=(const Deflater&) = delete;

    // Nothing when the result would not be shorter.
    std::optional<std::string> shorter(std::string_view bytes, std::string_view dictionary) {
        if (!is_ready_ || deflateReset(&stream_) != Z_OK) return std::nullopt;
        if (!dictionary.empty())
            deflateSetDictionary(&stream_, input_of(dictionary),
                                 static_cast<uInt>(dictionary.size()));
        std::string out(bytes.size(), '\0');
        stream_.next_in = input_of(bytes);
        stream_.avail_in = static_cast<uInt>(bytes.size());
        stream_.next_out = reinterpret_cast<Bytef*>(out.data());
        stream_.avail_out = static_cast<uInt>(out.size());
        if (deflate(&stream_, Z_FINISH) != Z_STREAM_END) return std::nullopt;
        out.resize(stream_.total_out);
        return out;
    }

  private:
    z_stream stream_ = {};
    bool is_ready_;
};

class Inflater {
  public:
    explicit Inflater(const Window& window)
        : is_ready_(inflateInit2(&stream_, -window.bits) == Z_OK) {}
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
        while (outcome == Z_OK && out.size() < kInflatedBytesMax) {
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

Result<std::string> expanded_zstd(std::string_view bytes) {
    thread_local const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(
        ZSTD_createDCtx(), ZSTD_freeDCtx);
    const Error corrupt = {ErrorCode::kCorrupt, "stored registers do not expand"};
    const unsigned long long size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
    // The marks of an unknown size are greater, too.
    if (context == nullptr || size > kInflatedBytesMax) return corrupt;
    std::string out(static_cast<std::size_t>(size), '\0');
    if (ZSTD_decompressDCtx(context.get(), out.data(), out.size(), bytes.data(), bytes.size()) !=
        size)
        return corrupt;
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
    if (body.bytes.size() < kDeflateBytesMin) return body;
    thread_local Deflater deflater(kBodyWindow);
    if (auto shorter = deflater.shorter(body.bytes, body.stamp)) {
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
            thread_local Inflater inflater(kBodyWindow);
            LB_TRY_ASSIGN(const std::string compact, inflater.whole(body.bytes, body.stamp));
            return expanded(compact, body.stamp, context);
        }
    }
    return Error{
        ErrorCode::kUnsupported,
        "body format " + std::to_string(static_cast<int>(body.format)) + " is of a newer server"};
}

Result<PackedRegisters> pack_registers(std::string_view registers) {
    if (registers.size() > kInflatedBytesMax)
        return Error{ErrorCode::kReject, "what is kept of the process would become longer than " +
                                             std::to_string(kInflatedBytesMax) + " bytes"};
    thread_local const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(
        ZSTD_createCCtx(), ZSTD_freeCCtx);
    // Room for what is shorter only: longer does not fit, which is an error of zstd's.
    std::string packed(registers.size(), '\0');
    const std::size_t size =
        context == nullptr || registers.size() < kDeflateBytesMin
            ? registers.size()
            : ZSTD_compressCCtx(context.get(), packed.data(), packed.size(), registers.data(),
                                registers.size(), kRegistersEffort);
    if (ZSTD_isError(size) != 0 || size >= registers.size())
        return PackedRegisters{RegistersFormat::kPlain, std::string(registers)};
    packed.resize(size);
    return PackedRegisters{RegistersFormat::kZstd, std::move(packed)};
}

Result<std::string> unpack_registers(const PackedRegisters& packed) {
    switch (packed.format) {
        case RegistersFormat::kPlain:
            return packed.bytes;
        case RegistersFormat::kDeflated:
            return Inflater(kRegistersWindow).whole(packed.bytes, {});
        case RegistersFormat::kZstd:
            return expanded_zstd(packed.bytes);
    }
    return Error{ErrorCode::kUnsupported, "registers of an unknown format: of a newer server"};
}

}  // namespace lb::store
