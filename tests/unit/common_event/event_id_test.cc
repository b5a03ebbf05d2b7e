#include "common/event/event_id.h"

#include <catch2/catch.hpp>

#include "common/base/encoding.h"

using namespace lb::event;

TEST_CASE("new ids are UUIDs of version 7, in the order of time", "[event_id]") {
    const std::string one = new_event_id();
    REQUIRE(one.size() == kEventIdBytes);
    const std::string text = event_id_to_text(one);
    CHECK(text[14] == '7');
    CHECK((text[19] == '8' || text[19] == '9' || text[19] == 'a' || text[19] == 'b'));
    CHECK_FALSE(is_derived_event_id(one));
    CHECK(new_event_id() != one);
}

TEST_CASE("derived ids are UUIDs of version 8, the same for the same thing", "[event_id]") {
    const std::string id = event_id_of_source("cloud1", "req-7");
    CHECK(id == event_id_of_source("cloud1", "req-7"));
    CHECK(id != event_id_of_source("cloud", "1req-7"));
    CHECK(id != event_id_of_source("cloud2", "req-7"));
    CHECK(id != event_id_of_text("req-7"));
    CHECK(is_derived_event_id(id));
    CHECK(event_id_to_text(id)[14] == '8');
    CHECK(event_id_of_import("https://h/x", "abc") != event_id_of_import("https://h/y", "abc"));
}

TEST_CASE("derived ids never change: they are in databases", "[event_id]") {
    CHECK(lb::to_hex(event_id_of_import("https://h:9000/x", "abc")) ==
          "dc2956548fe583ce8e6fd1227fc766a3");
    CHECK(lb::to_hex(event_id_of_source("cloud1", "req-7")) == "1f7bf8b6e03f8c49a6b2cb846f7aac5a");
}
