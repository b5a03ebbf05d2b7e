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
//   [[group]]
//   name = "atlas"                                # who = ["group:atlas"] in rules
//   members = ["certificate:/DC=org/DC=example/OU=atlas/*"]
//
//   group_files = ["/etc/lb/groups"]              # lines: "DN or identity" group[,group...]
//
//   salt = "a secret"                             # of the pseudonyms of anonymous readers; the
//                                                 # database has one, if this says none
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
// Adds the groups of a group file to `policy`.
Status parse_group_file(std::string_view text, std::string_view origin, RuleSet& policy);
// The policy file and its group files.
Result<RuleSet> load_policy(const std::string& path);

}  // namespace lb::authz
