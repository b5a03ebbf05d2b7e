#include "common/frame/frame.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "common/base/encoding.h"

namespace lb::frame {

namespace {

constexpr std::size_t kLimit = 1000;

std::string framed(std::uint8_t type, std::string_view payload) {
    std::string bytes;
    append_frame(bytes, type, payload);
    return bytes;
}

// The error that a decoder gives for `bytes`.
Error error_of(std::string_view bytes) {
    Decoder decoder(kLimit);
    decoder.append(bytes);
    auto frame = decoder.next();
    REQUIRE(!frame.ok());
    return frame.error();
}

}  // namespace

TEST_CASE("the worked example of FORMAT.md is what the encoder writes") {
    CHECK(to_hex(framed(7, "hello")) == "05000000e716baea0701000068656c6c6f");
    CHECK(to_hex(framed(5, "")) == "00000000f242414b05010000");
}

TEST_CASE("frames come out whole and in order whatever the pieces of the stream are") {
    const std::vector<std::string> payloads = {"", "a", std::string(kLimit, 'x'), "last"};
    std::string stream;
    for (std::size_t i = 0; i < payloads.size(); ++i)
        append_frame(stream, static_cast<std::uint8_t>(i + 1), payloads[i]);
    for (const std::size_t piece :
         {std::size_t{1}, std::size_t{5}, std::size_t{13}, stream.size()}) {
        Decoder decoder(kLimit);
        std::size_t count = 0;
        for (std::size_t offset = 0; offset < stream.size(); offset += piece) {
            decoder.append(std::string_view(stream).substr(offset, piece));
            for (;;) {
                auto frame = decoder.next();
                REQUIRE(frame.ok());
                if (!frame->has_value()) break;
                REQUIRE((*frame)->type == count + 1);
                REQUIRE((*frame)->payload == payloads[count]);
                ++count;
            }
        }
        CHECK(count == payloads.size());
        CHECK(decoder.buffered_bytes() == 0);
    }
}

TEST_CASE("a stream that ends inside a frame leaves buffered bytes") {
    const std::string bytes = framed(7, "hello");
    for (std::size_t length = 1; length < bytes.size(); ++length) {
        Decoder decoder(kLimit);
        decoder.append(std::string_view(bytes).substr(0, length));
        auto frame = decoder.next();
        REQUIRE(frame.ok());
        REQUIRE(!frame->has_value());
        REQUIRE(decoder.buffered_bytes() == length);
    }
}

TEST_CASE("a length over the limit is refused by the header alone") {
    const std::string bytes = framed(7, std::string(kLimit + 1, 'x'));
    const Error error = error_of(std::string_view(bytes).substr(0, kHeaderBytes));
    CHECK(error.code == ErrorCode::kReject);
    CHECK(error.text == "frame of 1001 bytes; the limit is 1000");
}

TEST_CASE("a frame of another version is unsupported") {
    std::string bytes = framed(7, "hello");
    bytes[9] = 2;
    CHECK(error_of(bytes).code == ErrorCode::kUnsupported);
}

TEST_CASE("reserved bytes must be zero") {
    std::string bytes = framed(7, "hello");
    bytes[11] = 1;
    CHECK(error_of(bytes).code == ErrorCode::kReject);
}

TEST_CASE("a flipped bit anywhere in type, checksum or payload is found") {
    const std::string good = framed(7, "hello");
    for (const std::size_t offset : {4u, 5u, 6u, 7u, 8u, 12u, 14u, 16u})
        for (int bit = 0; bit < 8; ++bit) {
            std::string bytes = good;
            bytes[offset] = static_cast<char>(bytes[offset] ^ (1 << bit));
            REQUIRE(error_of(bytes).code == ErrorCode::kCorrupt);
        }
}

TEST_CASE("an error is final: what follows on the stream is not looked at") {
    Decoder decoder(kLimit);
    std::string bad = framed(7, "hello");
    bad[12] = 'j';
    decoder.append(bad);
    CHECK(!decoder.next().ok());
    decoder.append(framed(7, "good"));
    CHECK(!decoder.next().ok());
    CHECK(decoder.buffered_bytes() == 0);
}

}  // namespace lb::frame
