// Job descriptions as JSON.
#include "bkserver/query/classad.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

using namespace lb::query;

namespace {

std::string json_of(std::string_view text) {
    const auto ad = parse_classad(text);
    INFO(text << '\n' << (ad.ok() ? "" : ad.error().text));
    REQUIRE(ad.ok());
    return ad->dump();
}

std::string complaint_of(std::string_view text) {
    const auto ad = parse_classad(text);
    INFO(text);
    REQUIRE_FALSE(ad.ok());
    return ad.error().text;
}

}  // namespace

TEST_CASE("a job description is read as JSON", "[classad]") {
    CHECK(json_of(R"([ Executable = "/bin/a"; RetryCount = 3; Weight = -1.5e2; Debug = TRUE;
                       Nothing = undefined; InputSandbox = { "b", "c\"d" }; ])") ==
          R"({"Executable":"/bin/a","RetryCount":3,"Weight":-150.0,"Debug":true,)"
          R"("Nothing":null,"InputSandbox":["b","c\"d"]})");
    CHECK(json_of("[]") == "{}");
    CHECK(json_of("") == "{}");
    CHECK(json_of(R"([ Nodes = [ a = [ File = "x" ]; b = {}; ]; 'odd name' = 1 ])") ==
          R"({"Nodes":{"a":{"File":"x"},"b":[]},"odd name":1})");
    CHECK(json_of("a = 1;; a = 2") == R"({"a":2})");
}

TEST_CASE("an expression stays as it was written", "[classad]") {
    CHECK(
        json_of("[ Requirements = other.Name == \"x;]\" && (a || { 1, 2 } == b); Rank = -c.d ]") ==
        R"({"Requirements":"/Expr(other.Name == \"x;]\" && (a || { 1, 2 } == b))/",)"
        R"("Rank":"/Expr(-c.d)/"})");
    CHECK(json_of("[ a = \"x\" == y; b = { 1 } == c; d = [ e = 1 ].e; f = 1e999; g = error ]") ==
          R"({"a":"/Expr(\"x\" == y)/","b":"/Expr({ 1 } == c)/","d":"/Expr([ e = 1 ].e)/",)"
          R"("f":"/Expr(1e999)/","g":"/Expr(error)/"})");
}

TEST_CASE("what is commented out does not count", "[classad]") {
    CHECK(json_of("# first\n[ /* a = 0; */ a = 1; // b = 2;\n c = \"http://x\" ]\n//") ==
          R"({"a":1,"c":"http://x"})");
    CHECK(complaint_of("[ a = 1 /* never closed") != "");
}

TEST_CASE("what is no job description is refused, with the place", "[classad]") {
    CHECK(complaint_of("[ = 1 ]") == "ClassAd, byte 3: the name of an attribute is expected here");
    CHECK(complaint_of("[ a ]").find("byte 5: '='") != std::string::npos);
    for (const char* text : {"[ a = ]", "[ a = 1", "[ a = \"x ]", "[ a = 1 ] b", "[ a = (1] ]",
                             "[ a = {1, ]", "{ 1 }", "a = ]"})
        CHECK(complaint_of(text).starts_with("ClassAd, byte "));
    CHECK(complaint_of(std::string_view("[ a\0 = 1 ]", 10)).starts_with("ClassAd, byte "));
}

TEST_CASE("depth and number of values are bounded", "[classad]") {
    const std::string deep(kClassAdNestingMax, '{');
    CHECK(complaint_of("a = " + deep).find("nested deeper") != std::string::npos);
    std::string list = "a = { 0";
    for (std::size_t i = 0; i < kClassAdValuesMax; ++i) list += ", 0";
    CHECK(complaint_of(list + " }").find("more than 10000 values") != std::string::npos);
}
