#include "bkserver/app/default_policy.h"

#include "bkserver/authz/policy.h"
#include "bkserver/authz/policy_file.h"

namespace lb::bkserver {

namespace {

constexpr std::string_view kDefaultPolicy = R"toml(
[[rule]]
name = "hosts deliver what their own kernels prove"
allow = ["forwarder", "adopter"]
who = ["certificate:*/CN=host/*"]
hosts = ["own"]

[[rule]]
name = "users of hosts log and register"
allow = ["origin", "registrar"]
who = ["uid:*"]

[[rule]]
name = "holders of certificates log and register for themselves"
allow = ["origin", "registrar"]
who = ["certificate:*"]
)toml";

}  // namespace

std::string_view default_policy_text() {
    return kDefaultPolicy;
}

Result<authz::RuleSet> policy_of_option(const std::string& policy) {
    if (policy.empty()) return authz::parse_policy(kDefaultPolicy, "the default policy");
    if (policy == "open") return authz::Policy::open_to_all();
    return authz::load_policy(policy);
}

}  // namespace lb::bkserver
