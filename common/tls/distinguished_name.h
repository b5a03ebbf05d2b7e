// Distinguished names in slash form, "/O=example/CN=host/node1.example.org", to and from OpenSSL.
// The invariant: two different names never have the same text.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/tls/openssl_handle.h"

namespace lb::tls {

// kReject for a name whose values hold control characters, or "/WORD=", which would look like
// another part of the name.
Result<std::string> slash_form(const X509_NAME& name);
// kReject names the part that cannot be understood.
Result<NameHandle> parse_slash_form(std::string_view text);

}  // namespace lb::tls
