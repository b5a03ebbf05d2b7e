// The language of queries: what is read, and where refusals point.
#include <catch2/catch.hpp>
#include <sstream>
#include <string>

#include "bkserver/query/language/parser.h"
#include "bkserver/query/vocabulary.h"

using namespace lb::query;
using namespace lb::query::language;

namespace {

constexpr std::int64_t kNow = 1'795'521'600'000'000;  // 2026-11-24T12:00:00Z

lb::Result<Expression> read(const std::string& text) {
    return parse(text, {process_domain().terms, kNow, "uid:1000@node1"});
}

std::string printed(const std::string& text) {
    const auto expression = read(text);
    INFO((expression.ok() ? "" : expression.error().text));
    REQUIRE(expression.ok());
    return to_text(*expression, process_domain().terms);
}

struct Refusal {
    std::string text;
    std::size_t character;
    std::string says;
};

}  // namespace

TEST_CASE("conditions are read with their operators and values", "[query]") {
    const std::pair<std::string, std::string> cases[] = {
        {"", ""},
        {"state=running", "state = \"Running\""},
        {"STATE == Running", "state = \"Running\""},
        {"host~\"n1*\"", "host ~ \"n1*\""},
        {"host !~ 'n1 \\'x'", "host !~ \"n1 'x\""},
        {"entered>-2h", "entered > \"2026-11-24T10:00:00.000000Z\""},
        {"entered<=2026-11-24", "entered <= \"2026-11-24T00:00:00.000000Z\""},
        {"updated within (-1d, now)",
         "updated within (\"2026-11-23T12:00:00.000000Z\", \"2026-11-24T12:00:00.000000Z\")"},
        {"exit_code<>0", "exit_code != \"0\""},
        {"type in (virtual_machine, SIMPLE)", "type in (\"virtual_machine\", \"simple\")"},
        {"owner=me", "owner = \"uid:1000@node1\""},
        {"owner=\"me\"", "owner = \"me\""},
        {"tag.project=\"a b\"", "tag.project = \"a b\""},
        {"entered_state.Running > 0", "entered_state.Running > \"1970-01-01T00:00:00.000000Z\""},
        {"state_at.-2h=running", "state_at.2026-11-24T10:00:00.000000Z = \"Running\""},
        {"host_at.2026-11-24T10:00:00.5Z~\"n*\"", "host_at.2026-11-24T10:00:00.500000Z ~ \"n*\""},
        {"adopted", "adopted"},
        {"adopted=no", "adopted = \"false\""},
    };
    for (const auto& [text, expected] : cases) CHECK(printed(text) == expected);
}

TEST_CASE("of an event all is asked that its process is asked for", "[query]") {
    const auto expression =
        parse("process.tag.a.b=1 and process.state=Done and process.state_at.0=Done",
              {event_domain().terms, kNow, ""});
    INFO((expression.ok() ? "" : expression.error().text));
    REQUIRE(expression.ok());
    CHECK(event_domain().terms[expression->conditions[0].term].name == "process.tag");
    CHECK(expression->conditions[0].member == "a.b");
    CHECK(expression->conditions[1].member.empty());
    CHECK(expression->conditions[2].moment_us == 0);
    CHECK_FALSE(parse("process.nothing=1", {event_domain().terms, kNow, ""}).ok());
}

// What the original's queries could ask of jobs and of events, and how; the names are ours.
TEST_CASE("every attribute of the original takes the operators that it had there", "[query]") {
    const std::string equal = "= !=";
    const std::string ordered = equal + " < >";
    const struct {
        std::string name;
        std::string operators;
        std::string value;
    } of_jobs[] = {{"id", equal + " >", "Zm9v"},
                   {"owner", equal, "me"},
                   {"state", ordered, "Running"},
                   {"location", equal, "ce"},
                   {"destination", equal, "ce"},
                   {"network_server", equal, "ns"},
                   {"parent_job", equal, "Zm9v"},
                   {"done_code", ordered, "FAILED"},
                   {"exit_code", ordered, "-1"},
                   {"resubmitted", equal, "yes"},
                   {"tag.colour", ordered, "red"},
                   {"jdl_classad.VirtualOrganisation", equal, "atlas"},
                   {"type", equal, "simple"},
                   {"vm_state", equal, "running"},
                   {"entered_state.Running", ordered, "-1h"},
                   {"entered", ordered, "-1h"},
                   {"updated", ordered, "-1h"}},
      of_events[] = {{"time", ordered, "-1h"},        {"level", ordered, "warning"},
                     {"type", ordered, "Running"},    {"host", equal, "ui"},
                     {"source", equal, "LRMS"},       {"instance", equal, "x"},
                     {"field.name", equal, "colour"}, {"field.jdl", equal, "x"},
                     {"process.owner", equal, "me"},  {"process.tag.colour", equal, "red"}};
    const auto check = [](const auto& row, const std::vector<Term>& terms) {
        std::istringstream operators(row.operators);
        for (std::string op; operators >> op;) {
            const std::string text = row.name + op + row.value;
            const auto expression = parse(text, {terms, kNow, "uid:1000@node1"});
            INFO(text << ' ' << (expression.ok() ? "" : expression.error().text));
            CHECK(expression.ok());
        }
        if (row.operators.find('<') != std::string::npos)
            CHECK(parse(row.name + " within (" + row.value + ", " + row.value + ")",
                        {terms, kNow, ""})
                      .ok());
    };
    for (const auto& row : of_jobs) check(row, process_domain().terms);
    for (const auto& row : of_events) check(row, event_domain().terms);
}

TEST_CASE("not binds closer than and, and closer than or", "[query]") {
    CHECK(printed("state=Done or adopted and not stale") ==
          "state = \"Done\" or adopted and not stale");
    CHECK(printed("(state=Done or adopted) and stale") ==
          "(state = \"Done\" or adopted) and stale");
    CHECK(printed("! (adopted)") == "not adopted");
    CHECK(printed("not (adopted or stale) and stale") == "not (adopted or stale) and stale");
    CHECK(printed("adopted and (stale and key)") == "adopted and (stale and key)");
}

TEST_CASE("refusals point at the place", "[query]") {
    const Refusal cases[] = {
        {"state=running and hots~\"n1*\"", 19, "did you mean 'host'"},
        {"state=runing", 7, "'runing' is no state; there are Undefined, Submitted"},
        {"state=", 7, "a value of state must stand here"},
        {"=running", 1, "an attribute's name must stand here"},
        {"state=running or", 17, "a condition is missing at the end"},
        {"(state=running", 1, "this parenthesis is not closed"},
        {"state=running)", 14, "never opened"},
        {"state=running host=a", 15, "'and' or 'or' must stand here"},
        {"host=\"n1", 6, "this quote is not closed"},
        {"entered>yesterday", 9, "time \"yesterday\": expected 2026-11-25T12:00:00Z"},
        {"entered within (-2h)", 16, "within takes two values"},
        {"adopted<true", 8, "ask with = or !="},
        {"exit_code~1", 10, "no text that a pattern could fit"},
        {"tag=x", 1, "tag needs a name: tag.NAME"},
        {"state.x=Done", 1, "state has no parts"},
        {"stale or state_at=Done", 10, "state_at needs a time: state_at.-2h"},
        {"state_at.yesterday=Done", 1, "time \"yesterday\": expected"},
        {"type in virtual_machine", 9, "a list (a, b, ...) must stand here"},
        {"\xc3\xa9tat=x", 1, "there is no attribute"},
    };
    for (const Refusal& refusal : cases) {
        INFO(refusal.text);
        const auto expression = read(refusal.text);
        REQUIRE_FALSE(expression.ok());
        INFO(expression.error().text);
        CHECK(expression.error().code == lb::ErrorCode::kReject);
        CHECK(expression.error().text.find(refusal.says) != std::string::npos);
        CHECK(expression.error().text.starts_with("query, character " +
                                                  std::to_string(refusal.character) + ":"));
    }
    CHECK(read("state=running and hots~\"n1*\"").error().text ==
          "query, character 19: there is no attribute 'hots'; did you mean 'host'?\n"
          "  state=running and hots~\"n1*\"\n"
          "                    ^");
}

TEST_CASE("length, nesting and number of conditions are bounded", "[query]") {
    CHECK_FALSE(read(std::string(kQueryBytesMax + 1, ' ')).ok());
    CHECK_FALSE(read(std::string(10'000, '(')).ok());
    CHECK(read(std::string(kNestingMax, '(') + "stale" + std::string(kNestingMax, ')')).ok());
    std::string not_not;
    for (std::size_t i = 0; i < kNestingMax; ++i) not_not += "not ";
    CHECK(read(not_not + "stale").ok());
    CHECK_FALSE(read("not " + not_not + "stale").ok());
    std::string many = "stale";
    for (std::size_t i = 1; i < kConditionsMax; ++i) many += " or stale";
    CHECK(read(many).ok());
    CHECK_FALSE(read(many + " or stale").ok());
    std::string list = "host in (a";
    for (std::size_t i = 1; i < kOperandsMax; ++i) list += ",a";
    CHECK(read(list + ")").ok());
    CHECK_FALSE(read(list + ",a)").ok());
}
