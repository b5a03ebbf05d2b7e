// The authorities that a process trusts, and their revocation lists, out of a file or a directory.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/tls/openssl_handle.h"

namespace lb::tls {

// What is read for `path`: itself, or what a directory holds of certificates and revocation lists.
Result<std::vector<std::string>> trust_files(const std::string& path);

// Adds what `path` holds to `context`. kReject when there is no authority in it.
Status load_authorities(SSL_CTX& context, const std::string& path);

}  // namespace lb::tls
