#include "bkserver/book/lru.h"

#include <catch2/catch.hpp>
#include <string>

using lb::book::Lru;

TEST_CASE("what was not used for longest is forgotten when there are too many") {
    Lru<int, std::string> lru(2);
    lru.put(1, "one");
    lru.put(2, "two");
    lru.put(1, *lru.take(1));
    lru.put(3, "three");
    CHECK(lru.size() == 2);
    CHECK_FALSE(lru.take(2).has_value());
    CHECK(lru.take(1) == "one");
}

TEST_CASE("and when they take too many bytes") {
    Lru<int, std::string> lru(100, 10);
    lru.put(1, "one", 4);
    lru.put(2, "two", 4);
    lru.put(1, "grown", 6);
    CHECK(lru.size() == 2);
    lru.put(3, "three", 4);
    CHECK_FALSE(lru.take(2).has_value());
    CHECK(lru.take(1) == "grown");
    CHECK(lru.take(3) == "three");
    // All of it is free again.
    lru.put(4, "all", 10);
    CHECK(lru.take(4) == "all");
    lru.put(5, "too large", 11);
    CHECK(lru.size() == 0);
}
