#include "bkserver/authz/policy_file.h"

#include <catch2/catch.hpp>

namespace lb::authz {
namespace {

TEST_CASE("a group file maps names to groups") {
    RuleSet rules;
    REQUIRE(parse_group_file(
                "# VO members\n\"/O=lb/CN=alice\" atlas, cms\n\n  \"uid:1000@node1\" atlas\r\n",
                "groups", rules)
                .ok());
    CHECK(groups_of(rules, "certificate:/O=lb/CN=alice", {}) ==
          std::vector<std::string>{"atlas", "cms"});
    CHECK(groups_of(rules, "uid:1000@node1", {}) == std::vector<std::string>{"atlas"});
    const std::vector<std::string> proven{"/atlas/Role=x"};
    CHECK(groups_of(rules, "certificate:/O=lb/CN=bob", proven) == proven);
}

TEST_CASE("what a group file says wrongly is named with its line") {
    for (const char* text : {"\"/O=lb/CN=alice", "alice atlas", "\"/O=lb/CN=alice\"  "}) {
        RuleSet rules;
        const Status status = parse_group_file(std::string("\n") + text, "groups", rules);
        REQUIRE_FALSE(status.ok());
        CHECK(status.error().text.find("groups, line 2") != std::string::npos);
    }
}

TEST_CASE("a role that is none is named with those that are") {
    const auto rules = parse_policy("[[rule]]\nallow = ['king']\nwho = ['*']\n", "policy");
    REQUIRE_FALSE(rules.ok());
    CHECK(rules.error().text.find("anonymous-reader") != std::string::npos);
}

TEST_CASE("every role has a name that a policy understands") {
    for (std::size_t i = 0; i < kRoleCount; ++i) {
        const std::string word(to_string(static_cast<Role>(i)));
        CHECK(parse_policy("[[rule]]\ndeny = ['" + word + "']\nwho = ['*']\n", "policy").ok());
    }
}

}  // namespace
}  // namespace lb::authz
