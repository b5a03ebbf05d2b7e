// Every role and every relation to a process, with the view that it gives.
#include "bkserver/authz/reading.h"

#include <catch2/catch.hpp>

namespace lb::authz {
namespace {

constexpr char kAlice[] = "certificate:/O=lb/CN=alice";
constexpr char kBob[] = "certificate:/O=lb/CN=bob";
constexpr char kProcess[] = "https://lb.example.org:9000/x";

RuleSet rules_of(std::vector<std::pair<Role, bool>> roles) {
    RuleSet rules;
    for (const auto& [role, is_deny] : roles) {
        Rule rule;
        rule.name = std::string(is_deny ? "no " : "yes ") + std::string(to_string(role));
        rule.is_deny = is_deny;
        rule.roles = {role};
        rule.who = {kBob};
        rules.rules.push_back(std::move(rule));
    }
    return rules;
}

struct Case {
    const char* what;
    RuleSet rules;
    Actor actor;
    View view;
};

std::vector<Case> cases() {
    const Actor alice{kAlice, {}, false};
    const Actor bob{kBob, {}, false};
    return {
        {"nobody allowed it", {}, bob, View::kNone},
        {"who registered it", {}, alice, View::kFull},
        {"who registered it, whatever the rules", rules_of({{Role::kReader, true}}), alice,
         View::kFull},
        {"an administrator", {}, {kBob, {}, true}, View::kFull},
        // roles
        {"reader", rules_of({{Role::kReader, false}}), bob, View::kFull},
        {"anonymous reader", rules_of({{Role::kAnonymousReader, false}}), bob, View::kAnonymized},
        {"monitor", rules_of({{Role::kMonitor, false}}), bob, View::kReduced},
        {"monitor and anonymous reader",
         rules_of({{Role::kMonitor, false}, {Role::kAnonymousReader, false}}), bob,
         View::kAnonymized},
        {"statistician", rules_of({{Role::kStatistician, false}}), bob, View::kNone},
        {"purger", rules_of({{Role::kPurger, false}}), bob, View::kNone},
        {"grantor", rules_of({{Role::kGrantor, false}}), bob, View::kNone},
        {"registrar", rules_of({{Role::kRegistrar, false}}), bob, View::kNone},
        {"origin", rules_of({{Role::kOrigin, false}}), bob, View::kNone},
        {"forwarder", rules_of({{Role::kForwarder, false}}), bob, View::kNone},
        {"adopter", rules_of({{Role::kAdopter, false}}), bob, View::kNone},
        // refusals
        {"reader, denied too", rules_of({{Role::kReader, false}, {Role::kReader, true}}), bob,
         View::kNone},
        {"reader denied, monitor allowed",
         rules_of({{Role::kMonitor, false}, {Role::kReader, true}}), bob, View::kNone},
        {"monitor denied, reader allowed",
         rules_of({{Role::kMonitor, true}, {Role::kReader, false}}), bob, View::kFull},
        {"monitor, denied too", rules_of({{Role::kMonitor, false}, {Role::kMonitor, true}}), bob,
         View::kNone},
    };
}

TEST_CASE("who sees how much of a process") {
    for (const Case& one : cases()) {
        INFO(one.what);
        const Reading reading =
            read_by_rules(one.rules, one.actor, {.process = kProcess, .registrant = kAlice});
        CHECK(to_string(reading.view) == to_string(one.view));
        CHECK_FALSE(reading.reason.empty());
    }
}

using Kind = state::AccessEntry::Kind;

state::AccessEntry entry(const std::string& who, bool is_denial = false, Kind kind = Kind::kPerson,
                         state::Right right = state::Right::kRead) {
    return {right, is_denial, kind, who};
}

struct ListedCase {
    const char* what;
    RuleSet rules;
    std::vector<state::AccessEntry> entries;
    Actor actor;
    View view;
    state::Access access = {};
};

std::vector<ListedCase> listed_cases() {
    const Actor bob{kBob, {"vo/atlas", "/vo/Role=admin"}, false};
    const Actor local{"uid:7@node1", {}, false};
    const RuleSet none;
    return {
        {"by subject", none, {entry("/O=lb/CN=bob")}, bob, View::kFull},
        {"by identity", none, {entry(kBob)}, bob, View::kFull},
        {"a user of a host", none, {entry("uid:7@node1")}, local, View::kFull},
        {"a user of another host", none, {entry("uid:7@node2")}, local, View::kNone},
        {"somebody else", none, {entry("/O=lb/CN=bo")}, bob, View::kNone},
        {"a longer name", none, {entry("/O=lb/CN=bobby")}, bob, View::kNone},
        {"names are no patterns", none, {entry("/O=lb/CN=*")}, bob, View::kNone},
        {"nobody by an empty name", none, {entry("")}, {"", {}, false}, View::kNone},
        {"to tag is not to read",
         none,
         {entry("/O=lb/CN=bob", false, Kind::kPerson, state::Right::kTag)},
         bob,
         View::kNone},
        {"a group", none, {entry("\"vo\":\"atlas\"", false, Kind::kGroup)}, bob, View::kFull},
        {"another group", none, {entry("\"vo\":\"cms\"", false, Kind::kGroup)}, bob, View::kNone},
        {"an FQAN", none, {entry("/vo/Role=admin", false, Kind::kFqan)}, bob, View::kFull},
        {"an FQAN is no person",
         none,
         {entry("/O=lb/CN=bob", false, Kind::kFqan)},
         bob,
         View::kNone},
        {"a person is no FQAN", none, {entry("/vo/Role=admin")}, bob, View::kNone},
        {"a denial wins over his group",
         none,
         {entry("\"vo\":\"atlas\"", false, Kind::kGroup), entry("/O=lb/CN=bob", true)},
         bob,
         View::kNone},
        {"a group's denial wins over a person",
         none,
         {entry("/O=lb/CN=bob"), entry("\"vo\":\"atlas\"", true, Kind::kGroup)},
         bob,
         View::kNone},
        {"another's denial", none, {entry(kBob), entry("/O=lb/CN=carol", true)}, bob, View::kFull},
        {"a denial to tag",
         none,
         {entry(kBob), entry(kBob, true, Kind::kPerson, state::Right::kTag)},
         bob,
         View::kFull},
        {"the site's denial stands above",
         rules_of({{Role::kReader, true}}),
         {entry(kBob)},
         bob,
         View::kNone},
        {"the site's readers stand above",
         rules_of({{Role::kReader, false}}),
         {entry(kBob, true)},
         bob,
         View::kFull},
        {"monitors that the list allows",
         rules_of({{Role::kMonitor, false}}),
         {entry(kBob)},
         bob,
         View::kFull},
        {"monitors that the list denies",
         rules_of({{Role::kMonitor, false}}),
         {entry(kBob, true)},
         bob,
         View::kReduced},
        {"the owner denies himself", none, {entry(kAlice, true)}, {kAlice, {}, false}, View::kFull},
        {"administrators", none, {entry(kBob, true)}, {kBob, {}, true}, View::kFull},
        {"denials were lost", none, {entry(kBob)}, bob, View::kNone, {{}, {}, true}},
        {"the owner of the payload", none, {}, bob, View::kFull, {{}, "/O=lb/CN=bob", false}},
        {"the owner of the payload, whatever the list says",
         none,
         {entry(kBob, true)},
         bob,
         View::kFull,
         {{}, kBob, false}},
        {"another's payload", none, {}, bob, View::kNone, {{}, "/O=lb/CN=carol", false}},
    };
}

TEST_CASE("what an access list and a payload give to whom") {
    for (const ListedCase& one : listed_cases()) {
        INFO(one.what);
        state::Access access = one.access;
        access.entries = one.entries;
        const Reading reading = read_by_rules(
            one.rules, one.actor, {.process = kProcess, .registrant = kAlice, .access = &access});
        CHECK(to_string(reading.view) == to_string(one.view));
        CHECK_FALSE(reading.reason.empty());
    }
}

TEST_CASE("who has several names is one person to owners and lists") {
    RuleSet rules;
    rules.aliases = {{kBob, {"uid:7@node1.example.org"}}};
    const Actor bob{canonical_identity(rules, "uid:7@node1"), {}, false};
    CHECK(bob.identity == kBob);
    CHECK(read_by_rules(rules, bob, {.process = kProcess, .registrant = "uid:7@node1.example.org"})
              .view == View::kFull);
    state::Access access;
    access.entries = {entry("uid:7@node1.example.org")};
    CHECK(read_by_rules(rules, bob, {.process = kProcess, .registrant = kAlice, .access = &access})
              .view == View::kFull);
}

TEST_CASE("a process that nobody registered is nobody's own") {
    const Actor nobody{"", {}, false};
    CHECK(read_by_rules({}, nobody, {.process = kProcess, .registrant = ""}).view == View::kNone);
}

TEST_CASE("a rule may be for some processes") {
    RuleSet rules = rules_of({{Role::kReader, false}});
    rules.rules[0].processes = {"https://lb.example.org:9000/y*"};
    const Actor bob{kBob, {}, false};
    CHECK(read_by_rules(rules, bob, {.process = kProcess, .registrant = kAlice}).view ==
          View::kNone);
    CHECK(read_by_rules(rules, bob,
                        {.process = "https://lb.example.org:9000/y1", .registrant = kAlice})
              .view == View::kFull);
}

}  // namespace
}  // namespace lb::authz
