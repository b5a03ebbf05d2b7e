#include "bkserver/authz/token_book.h"

#include <catch2/catch.hpp>
#include <map>

namespace lb::authz {
namespace {

struct Shelf {
    Shelf() {
        fresh = make_token();
        fresh.row.name = fresh.row.process = "https://lb.example.org:9000/x";
        fresh.row.expires_us = 1'000'000'000;
        rows[fresh.row.id] = fresh.row;
        book.connect([this](const std::string& id) -> Result<std::optional<store::Token>> {
            ++asked;
            if (is_away) return Error{ErrorCode::kRetry, "away"};
            const auto found = rows.find(id);
            if (found == rows.end()) return std::optional<store::Token>();
            return std::optional<store::Token>(found->second);
        });
    }
    FreshToken fresh;
    std::map<std::string, store::Token> rows;
    TokenBook book;
    int asked = 0;
    bool is_away = false;
};

TEST_CASE("a token is known by its secret alone") {
    Shelf shelf;
    CHECK(shelf.book.authenticate(shelf.fresh.text, 0).ok());
    const std::string id = shelf.fresh.row.id;
    for (const std::string& text :
         {std::string(), std::string("lb1."), id, "lb1." + id + ".", shelf.fresh.text + "A",
          "lb1." + id + "." + std::string(43, 'A'), make_token().text})
        CHECK(shelf.book.authenticate(text, 0).error().code == ErrorCode::kDenied);
}

TEST_CASE("what the store says is remembered for a moment, not for long") {
    Shelf shelf;
    CHECK(shelf.book.authenticate(shelf.fresh.text, 0).ok());
    CHECK(shelf.book.authenticate(shelf.fresh.text, kTokenFreshUs - 1).ok());
    CHECK(shelf.asked == 1);
    shelf.rows[shelf.fresh.row.id].revoked_us = 5;  // by another server
    CHECK_FALSE(shelf.book.authenticate(shelf.fresh.text, kTokenFreshUs).ok());
}

TEST_CASE("a token that is revoked here ends at once, whatever the store still says") {
    Shelf shelf;
    CHECK(shelf.book.authenticate(shelf.fresh.text, 0).ok());
    store::Token revoked = shelf.fresh.row;
    revoked.revoked_us = 1;
    shelf.book.revoke(revoked);
    CHECK_FALSE(shelf.book.authenticate(shelf.fresh.text, 1).ok());
    CHECK_FALSE(shelf.book.find(shelf.fresh.row.id, kTokenFreshUs * 2).ok());
}

TEST_CASE("a token ends with its time") {
    Shelf shelf;
    CHECK(shelf.book.authenticate(shelf.fresh.text, 999'999'999).ok());
    CHECK_FALSE(shelf.book.authenticate(shelf.fresh.text, 1'000'000'000).ok());
}

TEST_CASE("while the store is away, what was known stays good and nothing else is") {
    Shelf shelf;
    CHECK(shelf.book.authenticate(shelf.fresh.text, 0).ok());
    shelf.is_away = true;
    CHECK(shelf.book.authenticate(shelf.fresh.text, kTokenFreshUs * 3).ok());
    CHECK(shelf.book.authenticate(make_token().text, 0).error().code == ErrorCode::kRetry);
}

TEST_CASE("secrets differ") {
    CHECK(make_token().text != make_token().text);
}

}  // namespace
}  // namespace lb::authz
