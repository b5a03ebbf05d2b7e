// The policy of a server that was given none: closed, but of use at once.
#pragma once

#include "bkserver/authz/rules.h"
#include "common/base/result.h"

namespace lb::bkserver {

// Hosts (certificates "CN=host/NAME") deliver what their own kernels prove, speak for the machines
// they run and adopt them; whoever is authenticated may register processes and read what he
// registered; local administrators read all. The text is TOML as a policy file is.
std::string_view default_policy_text();

// The rules that option `policy` names: "" the default, "open", or a file.
Result<authz::RuleSet> policy_of_option(const std::string& policy);

}  // namespace lb::bkserver
