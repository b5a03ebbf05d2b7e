// The authorities that a process trusts, and their revocation lists, out of a file or a directory.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/tls/openssl_handle.h"

namespace lb::tls {

// Adds what `path` holds to `context`. kReject when there is no authority in it.
Status load_authorities(SSL_CTX& context, const std::string& path);

}  // namespace lb::tls
