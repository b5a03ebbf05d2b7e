#include "common/frame/crc32c.h"

#include <catch2/catch.hpp>
#include <string>

namespace lb::frame {

TEST_CASE("the known vectors of RFC 3720 come out") {
    CHECK(crc32c("") == 0);
    CHECK(crc32c("123456789") == 0xE3069283);
    CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AA);
    CHECK(crc32c(std::string(32, '\xFF')) == 0x62A8AB43);
    std::string rising;
    for (int i = 0; i < 32; ++i) rising += static_cast<char>(i);
    CHECK(crc32c(rising) == 0x46DD794E);
    CHECK(crc32c(std::string(rising.rbegin(), rising.rend())) == 0x113FDB5C);
}

TEST_CASE("the instruction and the table agree at every length, alignment and split") {
    std::string bytes;
    for (int i = 0; i < 200; ++i) bytes += static_cast<char>(i * 37 + 11);
    for (std::size_t begin = 0; begin < 9; ++begin)
        for (std::size_t length = 0; begin + length <= bytes.size(); length += 3) {
            const std::string_view piece = std::string_view(bytes).substr(begin, length);
            const std::uint32_t whole = crc32c(piece);
            REQUIRE(whole == crc32c_by_table(piece));
            const std::size_t split = length / 2;
            REQUIRE(whole == crc32c(piece.substr(split), crc32c(piece.substr(0, split))));
        }
}

}  // namespace lb::frame
