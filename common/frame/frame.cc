#include "common/frame/frame.h"

#include "common/base/little_endian.h"
#include "common/frame/crc32c.h"

namespace lb::frame {

namespace {

constexpr std::size_t kLengthOffset = 0;
constexpr std::size_t kChecksumOffset = 4;
constexpr std::size_t kTypeOffset = 8;
constexpr std::size_t kVersionOffset = 9;
constexpr std::size_t kReservedOffset = 10;

// Checksum over what follows it in the frame.
std::uint32_t checksum(const char* header, std::string_view payload) {
    return crc32c(payload, crc32c({header + kTypeOffset, kHeaderBytes - kTypeOffset}));
}

}  // namespace

std::array<char, kHeaderBytes> encode_header(std::uint8_t type, std::string_view payload) {
    LB_ASSERT(payload.size() <= UINT32_MAX);
    std::array<char, kHeaderBytes> header{};
    store_little_endian(&header[kLengthOffset], static_cast<std::uint32_t>(payload.size()));
    header[kTypeOffset] = static_cast<char>(type);
    header[kVersionOffset] = static_cast<char>(kVersion);
    store_little_endian(&header[kChecksumOffset], checksum(header.data(), payload));
    return header;
}

void append_frame(std::string& target, std::uint8_t type, std::string_view payload) {
    const auto header = encode_header(type, payload);
    target.append(header.data(), header.size());
    target.append(payload);
}

void Decoder::append(std::string_view bytes) {
    drop_consumed();
    if (!failure_) buffer_.append(bytes);
}

void Decoder::drop_consumed() {
    if (consumed_ == 0) return;
    buffer_.erase(0, consumed_);
    consumed_ = 0;
}

Error Decoder::fail(ErrorCode code, std::string text) {
    failure_ = Error{code, std::move(text)};
    buffer_.clear();
    consumed_ = 0;
    return *failure_;
}

Result<std::optional<Frame>> Decoder::next() {
    if (failure_) return *failure_;
    const std::string_view rest = std::string_view(buffer_).substr(consumed_);
    if (rest.size() < kHeaderBytes) return std::optional<Frame>();
    const char* header = rest.data();
    const auto version = static_cast<std::uint8_t>(header[kVersionOffset]);
    if (version != kVersion)
        return fail(ErrorCode::kUnsupported, "frame of version " + std::to_string(version) +
                                                 "; this program speaks version 1");
    if (load_little_endian<std::uint16_t>(header + kReservedOffset) != 0)
        return fail(ErrorCode::kReject, "frame header with reserved bytes set");
    const auto length = load_little_endian<std::uint32_t>(header + kLengthOffset);
    if (length > payload_bytes_max_)
        return fail(ErrorCode::kReject, "frame of " + std::to_string(length) +
                                            " bytes; the limit is " +
                                            std::to_string(payload_bytes_max_));
    if (rest.size() - kHeaderBytes < length) return std::optional<Frame>();
    const std::string_view payload = rest.substr(kHeaderBytes, length);
    if (load_little_endian<std::uint32_t>(header + kChecksumOffset) != checksum(header, payload))
        return fail(ErrorCode::kCorrupt, "frame checksum does not match");
    consumed_ += kHeaderBytes + length;
    return std::optional<Frame>(Frame{static_cast<std::uint8_t>(header[kTypeOffset]), payload});
}

}  // namespace lb::frame
