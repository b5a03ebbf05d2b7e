// The certificate, key and trusted authorities of a process, as TLS contexts: TLS 1.3 only, peers
// proven by certificate. The invariant: what is in use was checked as a whole before (the key fits
// the certificate, the authorities can be read), and a reload that fails leaves it in use.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/tls/identity.h"

using SSL = struct ssl_st;
using SSL_CTX = struct ssl_ctx_st;

namespace lb::tls {

inline constexpr std::string_view kFrameProtocol = "lb/1";
inline constexpr std::string_view kHttpProtocol = "http/1.1";

struct CredentialFiles {
    std::string certificate;  // PEM, own certificate first, then intermediate ones
    std::string key;          // PEM; must not be readable by others
    // PEM bundle, or a directory in which every *.pem, *.crt and *.0 is an authority and every
    // *.crl, *.r0 a revocation list (a bundle may contain lists, too).
    std::string authorities;
};

// A counted reference to an SSL_CTX, so that connections keep theirs across a reload.
using SharedContext = std::shared_ptr<SSL_CTX>;

// Any thread at any time.
class Credentials {
  public:
    // kReject or kNotFound with the file's name and what is wrong with it.
    static Result<std::shared_ptr<Credentials>> load(const CredentialFiles& files);

    // Reads the files again; new connections use what they say now.
    Status reload();
    // The same if one of them was changed since they were read; true when they were read again.
    // Revocation lists are renewed every few hours by programs that know nothing of us.
    Result<bool> reload_if_changed();

    // Offers kFrameProtocol and kHttpProtocol; a peer that speaks frames must show a certificate, a
    // peer that speaks HTTP may (what it may do without one is policy).
    [[nodiscard]] SharedContext server_context() const;
    [[nodiscard]] SharedContext client_context() const;

    [[nodiscard]] Identity own_identity() const;
    // When the certificate ends.
    [[nodiscard]] std::int64_t not_after_us() const;

  private:
    struct Loaded;
    explicit Credentials(CredentialFiles files) : files_(std::move(files)) {}

    CredentialFiles files_;
    mutable std::mutex mutex_;
    std::shared_ptr<const Loaded> loaded_;
    std::string stamp_;  // of the files that were read
};

// Makes a client connection insist on a certificate for one of `host_names` (DNS names or
// addresses) and ask for `protocol` by ALPN. Before the handshake.
Status expect_server(SSL& connection, const std::vector<std::string>& host_names,
                     std::string_view protocol);

// The peer's identity after the handshake; an empty dn when it showed no certificate.
Result<Identity> peer_identity(const SSL& connection);
// What was agreed by ALPN; empty when the peer offered nothing.
std::string agreed_protocol(const SSL& connection);

}  // namespace lb::tls
