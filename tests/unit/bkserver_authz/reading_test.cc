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
