// Frames: how messages are cut out of a byte stream, on Unix sockets, TLS connections and in the
// drop directory (FORMAT.md). Pure functions over bytes; they need neither protobuf nor a socket.
// The invariant: a frame is handed out only when all of it checks, and a claimed length over the
// limit is an error before a byte is allocated for it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace lb::frame {

inline constexpr std::size_t kHeaderBytes = 12;
inline constexpr std::uint8_t kVersion = 1;

// `payload` points into the decoder's buffer: valid until the decoder is used again.
struct Frame {
    std::uint8_t type =
        0;  // number of lb.v1.FrameType; unknown numbers are the receiver's to refuse
    std::string_view payload;
};

// The header that goes before `payload`, for callers that write header and payload apart.
std::array<char, kHeaderBytes> encode_header(std::uint8_t type, std::string_view payload);
// Appends header and payload to `target`.
void append_frame(std::string& target, std::uint8_t type, std::string_view payload);

// Cuts frames out of what a stream delivers, in pieces of any size. One thread at a time.
class Decoder {
  public:
    // Payloads longer than `payload_bytes_max` are refused. Buffered are at most one frame of that
    // size and what the last append() brought.
    explicit Decoder(std::size_t payload_bytes_max) : payload_bytes_max_(payload_bytes_max) {}

    // Adds bytes from the stream. Views of frames handed out before become invalid.
    void append(std::string_view bytes);

    // The next whole frame; nothing while it is incomplete. An error is final, because the stream
    // cannot be followed any further; it is returned again by each later call:
    // kReject (longer than the limit, reserved bytes set), kUnsupported (version), kCorrupt
    // (checksum).
    Result<std::optional<Frame>> next();

    // Bytes received that belong to no frame handed out yet: 0 when a stream may end here.
    [[nodiscard]] std::size_t buffered_bytes() const { return buffer_.size() - consumed_; }

  private:
    Error fail(ErrorCode code, std::string text);
    void drop_consumed();

    const std::size_t payload_bytes_max_;
    std::string buffer_;
    std::size_t consumed_ = 0;  // bytes at the front of buffer_ that were handed out
    std::optional<Error> failure_;
};

}  // namespace lb::frame
