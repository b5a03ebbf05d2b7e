#include <catch2/catch.hpp>
#include <stdexcept>

#include "common/base/encoding.h"
#include "common/base/guard.h"
#include "common/base/little_endian.h"
#include "common/base/pattern.h"
#include "common/base/result.h"
#include "common/base/utf8.h"

using namespace lb;

TEST_CASE("bytes and their texts", "[base]") {
    std::string bytes;
    for (int i = 0; i < 256; ++i) {
        bytes += static_cast<char>(i);
        CHECK(from_hex(to_hex(bytes)) == bytes);
        CHECK(from_base64url(to_base64url(bytes)) == bytes);
    }
    CHECK(to_base64url("\xfb\xff") == "-_8");
    CHECK_FALSE(from_hex("abc"));
    CHECK_FALSE(from_hex("zz"));
    CHECK_FALSE(from_base64url("a"));
    CHECK_FALSE(from_base64url("a+b/"));
    CHECK(from_base64url("YQ") == "a");
    CHECK_FALSE(from_base64url("YR"));
}

TEST_CASE("UTF-8 is told from what only looks like it", "[base]") {
    for (const char* good :
         {"", "plain", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x96\xA5", "\xEF\xBF\xBD"})
        CHECK(is_utf8(good));
    for (std::size_t before = 0; before < 20; ++before) {
        const std::string ascii(before, 'a');
        CHECK(is_utf8(ascii + "\xC3\xA4" + ascii));
        CHECK_FALSE(is_utf8(ascii + "\xC3" + ascii));
        CHECK_FALSE(is_utf8(ascii + "\x80" + ascii));
    }
    for (const char* bad : {"\x80", "\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80",
                            "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80",
                            "a\xFF"
                            "b"}) {
        INFO(to_hex(bad));
        CHECK_FALSE(is_utf8(bad));
        CHECK(is_utf8(repaired_utf8(bad)));
    }
    CHECK(repaired_utf8("a\xFF"
                        "b") ==
          "a\xEF\xBF\xBD"
          "b");
    CHECK(cut_utf8("\xC3\xA4\xC3\xA4", 3) == "\xC3\xA4");
    CHECK(cut_utf8("\xC3\xA4", 1).empty());
    CHECK(cut_utf8("abc", 9) == "abc");
}

TEST_CASE("little-endian, whatever the processor", "[base]") {
    char bytes[8];
    store_little_endian<std::uint64_t>(bytes, 0x0102030405060708);
    CHECK(std::string_view(bytes, 8) == "\x08\x07\x06\x05\x04\x03\x02\x01");
    CHECK(load_little_endian<std::uint64_t>(bytes) == 0x0102030405060708);
}

TEST_CASE("patterns", "[base]") {
    constexpr auto kAnyByte = QuestionMark::kAnyByte;
    CHECK(matches_pattern("*", ""));
    CHECK(matches_pattern("n1*", "n1.example.org"));
    CHECK(matches_pattern("*a*b?", "xxaxxabc", kAnyByte));
    CHECK_FALSE(matches_pattern("a?", "a", kAnyByte));
    CHECK_FALSE(matches_pattern("", "a"));
    // A name that holds a question mark is that name alone, unless it is asked for more.
    CHECK(matches_pattern("/CN=who?", "/CN=who?"));
    CHECK_FALSE(matches_pattern("/CN=who?", "/CN=whom"));
    // No time without end.
    std::string stars;
    for (int i = 0; i < 2000; ++i) stars += "*a";
    CHECK_FALSE(matches_pattern(stars + "b", std::string(4000, 'a')));
}

TEST_CASE("errors say where they come from", "[base]") {
    const Error error = system_error("opening", "/x", ENOSPC);
    CHECK(error.code == ErrorCode::kFull);
    CHECK(error.within("spool").text.find("spool: opening") == 0);
    const auto fails = []() -> Result<int> {
        LB_TRY(Status(Error{ErrorCode::kDenied, "no"}));
        return 1;
    };
    CHECK(fails().error().code == ErrorCode::kDenied);
}

TEST_CASE("what a guarded task throws is its error", "[base]") {
    CHECK(guarded([] {}).ok());
    CHECK(guarded([]() -> Status {
              return Error{ErrorCode::kFull, "no room"};
          })
              .error()
              .code == ErrorCode::kFull);
    const Status thrown = guarded([] { throw std::out_of_range("far away"); });
    CHECK(thrown.error().code == ErrorCode::kBug);
    CHECK(thrown.error().text == "far away");
    CHECK(guarded([] { throw std::bad_alloc(); }, ErrorCode::kReject).error().code ==
          ErrorCode::kRetry);
}
