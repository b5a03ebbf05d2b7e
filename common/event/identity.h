// Who logged or delivered an event (proto/lb/v1/envelope.proto, Identity): how identities are
// compared, stored and shown.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lb::v1 {
class Identity;
}

namespace lb::event {

// "certificate:/DC=org/CN=x", "uid:1000@node1.example.org", "token:t42", "import:...". Equal texts
// are equal identities; display name and groups are no part of it.
std::string identity_text(const v1::Identity& identity);

// The identity that identity_text() writes so; a bare subject in slash form is that of a
// certificate. Nothing when the text begins with no kind of identity.
std::optional<v1::Identity> identity_of_text(std::string_view text);

// Who owns what `identity` registers: identity_text, but of an import the identity that it states;
// a bare subject, as the original wrote it, is that of a certificate. So whoever owned a process
// before it was imported owns it still.
std::string owner_text(const v1::Identity& identity);

// Whom a registration is for: who logged it, unless the user that it states is the name of another
// identity. Texts as identity_text() writes them, `stated` also a bare subject; any other text is
// a remark, and names nobody.
std::string owner_of_registration(std::string_view stated, std::string_view logged_by);

// "node1.example.org" of the identity text "certificate:/DC=org/CN=host/node1.example.org"; empty
// when it is no certificate or its subject names no host.
std::string_view host_of_certificate(std::string_view identity);

// A uid means a user of one host only: the one whose certificate delivered the event, else
// `own_host` (delivered over a local socket). Sets the realm of uids; leaves all else as it is.
void set_realm(v1::Identity& identity, const v1::Identity& forwarder, std::string_view own_host);

}  // namespace lb::event
