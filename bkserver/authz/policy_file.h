// The policy file: TOML, one [[rule]] a rule and one [[same]] an alias.
//
//   [[rule]]
//   name = "hosts speak for themselves"
//   allow = ["forwarder", "origin", "adopter"]    # or deny = [...]
//   who = ["certificate:/DC=org/DC=example/OU=hosts/*"]
//   hosts = ["own"]
//
//   [[same]]
//   identity = "certificate:/DC=org/DC=example/CN=Alice"
//   also = ["uid:1000(alice)@node1.example.org"]
//
// The lists of a rule are those of struct Rule.
#pragma once

#include <string>
#include <string_view>

#include "bkserver/authz/rules.h"
#include "common/base/result.h"

namespace lb::authz {

// kReject says which line and member is wrong and what would be right; `origin` names the text in
// errors.
Result<RuleSet> parse_policy(std::string_view text, std::string_view origin);
Result<RuleSet> load_policy(const std::string& path);

}  // namespace lb::authz
