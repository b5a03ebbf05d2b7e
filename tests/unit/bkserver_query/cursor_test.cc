#include <catch2/catch.hpp>

#include "bkserver/query/page_cursor.h"

using namespace lb::query;

TEST_CASE("a cursor is read back for its own query only", "[query]") {
    const PageCursor cursor = {5, {-7, 12}};
    const std::string text = to_text(cursor, "state=Done");
    const auto read = read_cursor(text, "state=Done");
    REQUIRE(read.ok());
    REQUIRE(read->has_value());
    CHECK((*read)->now_us == 5);
    CHECK((*read)->place.value == -7);
    CHECK((*read)->place.number == 12);
    CHECK_FALSE(read_cursor(text, "state=Running").ok());
    CHECK_FALSE(read_cursor(text + "x", "state=Done").ok());
    CHECK_FALSE(read_cursor(text.substr(0, text.size() - 2), "state=Done").ok());
    CHECK_FALSE(read_cursor("garbage", "state=Done").ok());
    CHECK_FALSE(read_cursor("", "state=Done")->has_value());
}
