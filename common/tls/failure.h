// Why a TLS connection failed, in words that say what to do.
#pragma once

#include <string_view>

#include "common/base/error.h"

using SSL = struct ssl_st;

namespace lb::tls {

// `openssl_error` is the code of OpenSSL's error queue, 0 when the connection just broke (then
// `system_text` says how); `peer` is "host:port". kDenied when a certificate is the reason, kRetry
// otherwise.
Error connection_failure(const SSL& connection, unsigned long openssl_error, std::string_view peer,
                         std::string_view system_text);

}  // namespace lb::tls
