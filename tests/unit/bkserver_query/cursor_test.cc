#include <catch2/catch.hpp>

#include "bkserver/query/cursor_seal.h"
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

TEST_CASE("a sealed cursor tells nothing and is good for its kind of question only", "[query]") {
    using Question = lb::v1::Request;
    const CursorSeal seal("secret");
    for (const std::string& cursor :
         {std::string("c1:7"), std::string("12"), std::string("\0\x80\0", 3), std::string(63, 'x'),
          std::string(64, 'x'), std::string(1000, '\x80')}) {
        const std::string sealed = seal.seal(cursor, Question::kList);
        const auto opened = seal.open(sealed, Question::kList);
        REQUIRE(opened.ok());
        CHECK(*opened == cursor);
        CHECK_FALSE(seal.open(sealed, Question::kHistory).ok());
        CHECK_FALSE(CursorSeal("another").open(sealed, Question::kList).ok());
        for (std::size_t i = 0; i < sealed.size(); i += 7) {
            std::string changed = sealed;
            changed[i] = static_cast<char>(changed[i] ^ 1);
            CHECK_FALSE(seal.open(changed, Question::kList).ok());
            CHECK_FALSE(seal.open(sealed.substr(0, i), Question::kList).ok());
        }
    }
    // Neither how great a number is nor whether it has changed.
    CHECK(seal.seal("1", Question::kList) != seal.seal("1", Question::kList));
    CHECK(seal.seal("1", Question::kList).size() ==
          seal.seal("1234567890", Question::kList).size());
    CHECK(seal.seal("", Question::kList).empty());
    CHECK(CursorSeal("secret").open(seal.seal("1", Question::kList), Question::kList).ok());
}
