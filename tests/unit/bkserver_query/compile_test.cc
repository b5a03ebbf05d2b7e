// What of a query the store can answer, and what the operators mean.
#include "bkserver/query/compile.h"

#include <catch2/catch.hpp>
#include <string>

#include "bkserver/query/fit.h"
#include "bkserver/query/language/parser.h"

using namespace lb::query;

namespace {

Compiled compiled(const std::string& text) {
    const auto expression = language::parse(text, {process_domain().terms, 1'000'000, "me"});
    REQUIRE(expression.ok());
    return compile(*expression, process_domain());
}

bool fits_text(const std::string& text, const nlohmann::ordered_json& values) {
    const auto expression = language::parse(text, {process_domain().terms, 0, ""});
    INFO((expression.ok() ? "" : expression.error().text));
    REQUIRE(expression.ok());
    const language::Condition& condition = expression->conditions.at(0);
    const language::Term& term = process_domain().terms[condition.term];
    return fits(condition, term, values_of(values, term, condition.member));
}

}  // namespace

TEST_CASE("columns answer exactly, all else is looked at", "[query]") {
    CHECK(compiled("").is_exact);
    CHECK(compiled("state=running and host~\"n1*\" and entered>0").is_exact);
    CHECK(compiled("not (owner=me or state in (Done, Aborted))").is_exact);
    CHECK(compiled("cloud~\"one*\" or cloud=\"\"").is_exact);
    CHECK_FALSE(compiled("state_at.-1h=Done").is_exact);
    const Compiled half = compiled("state=running and tag.project=x");
    CHECK_FALSE(half.is_exact);
    CHECK(half.filter.clauses.size() == 1);
    CHECK(compiled("state=running or tag.project=x").filter.steps.empty());
    CHECK(compiled("not (state=running and tag.project=x)").filter.steps.empty());
    CHECK(compiled("state<=Running").filter.clauses.at(0).texts.size() == 6);
    CHECK(compiled("state~\"*ed\"").filter.clauses.at(0).texts ==
          std::vector<std::string>{"Undefined", "Submitted", "Scheduled", "Cleared", "Aborted",
                                   "Cancelled", "Purged"});
}

TEST_CASE("values fit as the language says", "[query]") {
    CHECK(fits_text("destination=a", "a"));
    CHECK_FALSE(fits_text("destination=a", nullptr));
    CHECK(fits_text("destination!=a", nullptr));
    CHECK(fits_text("destination=\"\"", nullptr));
    CHECK_FALSE(fits_text("destination>a", nullptr));
    CHECK(fits_text("destination>a", "b"));
    CHECK(fits_text("destination in (a, b)", "b"));
    CHECK(fits_text("destination", "b"));
    CHECK_FALSE(fits_text("destination", nullptr));
    CHECK(fits_text("exit_code<0", -1));
    CHECK_FALSE(fits_text("exit_code<0", nullptr));
    CHECK(fits_text("exit_code within (1, 3)", 3));
    CHECK(fits_text("done_code>ok", "FAILED"));
    CHECK(fits_text("done_code<Cancelled", "FAILED"));
    CHECK_FALSE(fits_text("done_code>OK", nullptr));
    CHECK(fits_text("done_code!=OK", nullptr));
    CHECK(fits_text("cancelling", true));
    CHECK_FALSE(fits_text("cancelling", false));
    CHECK(fits_text("cancelling=no", nullptr));
    CHECK(fits_text("tag.Color=red", {{"color", "red"}}));
    CHECK_FALSE(fits_text("tag.color=red", {{"colour", "red"}}));
    CHECK(fits_text("address=\"10.0.0.7\"", {{"10.0.0.7", {{"mac", "52:54:00:00:00:01"}}}}));
    CHECK(
        fits_text("address=\"52:54:00:00:00:01\"", {{"10.0.0.7", {{"mac", "52:54:00:00:00:01"}}}}));
    CHECK(fits_text("possible_destinations~\"b*\"", nlohmann::ordered_json::array({"a", "bc"})));
}
