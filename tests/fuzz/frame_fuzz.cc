// Any bytes, in pieces of any size: the decoder hands out only frames that encode to the same
// bytes, and the same ones whatever the pieces.
#include <cstddef>
#include <cstdint>
#include <string>

#include "common/base/assert.h"
#include "common/frame/frame.h"

namespace {

constexpr std::size_t kLimit = 4096;

// The frames in `stream`, encoded again one after the other.
std::string decode_all(std::string_view stream, std::size_t piece_bytes) {
    lb::frame::Decoder decoder(kLimit);
    std::string again;
    for (std::size_t offset = 0; offset < stream.size(); offset += piece_bytes) {
        decoder.append(stream.substr(offset, piece_bytes));
        for (;;) {
            const auto frame = decoder.next();
            if (!frame.ok()) return again;
            if (!frame->has_value()) break;
            LB_ASSERT((*frame)->payload.size() <= kLimit);
            lb::frame::append_frame(again, (*frame)->type, (*frame)->payload);
        }
    }
    return again;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view stream(reinterpret_cast<const char*>(data), size);
    const std::string whole = decode_all(stream, size);
    LB_ASSERT(stream.substr(0, whole.size()) == whole);
    LB_ASSERT(decode_all(stream, 1 + data[0] % 64u) == whole);
    return 0;
}
