// Lines of files of any size and shape.
#include "bkserver/cli/line_reader.h"

#include <catch2/catch.hpp>
#include <sstream>
#include <vector>

using lb::cli::LineReader;

namespace {

constexpr std::size_t kMax = 8;

std::vector<std::string> lines_of(const std::string& text) {
    std::istringstream in(text);
    LineReader reader(in, kMax);
    std::vector<std::string> lines;
    for (std::string line; reader.next(line);) {
        lines.push_back(line);
        CHECK(reader.number() == lines.size());
    }
    CHECK(reader.bytes() == text.size());
    return lines;
}

}  // namespace

TEST_CASE("lines come without their end, the last one also when it has none") {
    using Lines = std::vector<std::string>;
    CHECK(lines_of("").empty());
    CHECK(lines_of("a\nb\n") == Lines{"a", "b"});
    CHECK(lines_of("a\nb") == Lines{"a", "b"});
    CHECK(lines_of("\n\na") == Lines{"", "", "a"});
    CHECK(lines_of("\n") == Lines{""});
    // What the parser shall judge stays.
    CHECK(lines_of("a\r\nb") == Lines{"a\r", "b"});
    CHECK(lines_of(std::string("a\0b\n\xff", 5)) == Lines{std::string("a\0b", 3), "\xff"});
}

TEST_CASE("a line that is too long is cut, said to be so, and harms no other") {
    const std::string long_line(1'000'000, 'x');
    std::istringstream in("short\n" + long_line + "\n12345678\n123456789");
    LineReader reader(in, kMax);
    std::string line;
    REQUIRE(reader.next(line));
    CHECK_FALSE(reader.is_too_long());
    REQUIRE(reader.next(line));
    CHECK(reader.is_too_long());
    CHECK(line == "xxxxxxxx");
    CHECK(reader.number() == 2);
    CHECK(reader.bytes() == 6 + long_line.size() + 1);
    REQUIRE(reader.next(line));
    CHECK_FALSE(reader.is_too_long());
    CHECK(line == "12345678");
    REQUIRE(reader.next(line));
    CHECK(reader.is_too_long());
    CHECK_FALSE(reader.next(line));
    CHECK_FALSE(reader.is_too_long());
}
