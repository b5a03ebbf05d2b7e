// Who is at the other end of a TLS connection, and what host names stand for one host.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

using X509 = struct x509_st;

namespace lb::tls {

// What a verified certificate says of its holder.
struct Identity {
    std::string dn;                       // "/DC=org/DC=example/CN=host/node1.example.org"
    std::string issuer_dn;                // of the authority that vouches for it
    std::vector<std::string> host_names;  // subject alternative names: DNS names, lower case
    std::vector<std::string> addresses;   // and IP addresses, as text
    std::int64_t not_after_us = 0;        // when the certificate ends

    // True when `host` or one of its aliases is among the names.
    [[nodiscard]] bool is_host(std::string_view host, std::string_view own_host) const;
};

// kReject: a name that cannot be told apart in slash form, or is too long (identity_limits.h).
Result<Identity> identity_of(const X509& certificate);

// The names under which `host` may show itself: itself; its short name, or its full name in the
// domain of `own_host`, when it is of that domain. Lower case, `host` first.
std::vector<std::string> host_aliases(std::string_view host, std::string_view own_host);

}  // namespace lb::tls
