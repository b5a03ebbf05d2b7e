// What the tests of the policy share.
#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "bkserver/authz/policy.h"
#include "bkserver/authz/policy_file.h"

namespace lb::authz {

inline constexpr char kProcess[] = "https://lb.example.org:9000/x";

inline lb::v1::Identity certificate(const std::string& name) {
    lb::v1::Identity identity;
    identity.set_kind(lb::v1::IDENTITY_KIND_CERTIFICATE);
    identity.set_name("/O=lb/CN=" + name);
    return identity;
}

// The policy of a file's text, on a server whose root administrates.
inline Policy policy_of(const std::string& text) {
    auto rules = parse_policy(text, "test");
    if (!rules.ok()) FAIL(rules.error().text);
    return Policy(*rules, {0});
}

}  // namespace lb::authz
