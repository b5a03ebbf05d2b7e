// Policy and group files: refused with a line, or read; whatever they say, questions are answered.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bkserver/authz/policy.h"
#include "bkserver/authz/policy_file.h"
#include "common/base/assert.h"
#include "lb/v1/envelope.pb.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    auto rules = lb::authz::parse_policy(text, "fuzz policy");
    if (!rules.ok()) {
        LB_ASSERT(!rules.error().text.empty());
        lb::authz::RuleSet groups;
        (void)lb::authz::parse_group_file(text, "fuzz groups", groups);
        return 0;
    }
    const lb::authz::Policy policy(std::move(*rules), {});
    lb::v1::Identity identity;
    identity.set_kind(lb::v1::IDENTITY_KIND_CERTIFICATE);
    identity.set_name("/DC=org/DC=example/CN=host/node1.example.org");
    (void)policy.groups(identity);
    (void)policy.reach(identity);
    for (std::size_t role = 0; role < lb::authz::kRoleCount; ++role) {
        const auto decision = policy.may(static_cast<lb::authz::Role>(role), identity,
                                         "https://lb.example.org:9000/unique", "node1.example.org");
        LB_ASSERT(!decision.reason.empty());
    }
    return 0;
}
