#include "common/tls/credentials.h"

#include <arpa/inet.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "common/metrics/metrics.h"
#include "common/tls/openssl_handle.h"
#include "common/tls/trust_store.h"

namespace lb::tls {

struct Credentials::Loaded {
    SharedContext server;
    SharedContext client;
    Identity identity;
};

namespace {

// Protocol names in the form of RFC 7301: each with its length before it.
std::string alpn_form(std::string_view protocol) {
    return std::string(1, static_cast<char>(protocol.size())) + std::string(protocol);
}

bool offers(std::string_view offered, std::string_view protocol) {
    for (std::size_t i = 0; i < offered.size();) {
        const auto length = static_cast<unsigned char>(offered[i]);
        if (offered.substr(i + 1, length) == protocol) return true;
        i += 1u + length;
    }
    return false;
}

// Called when the client offered protocols. Speakers of frames must show a certificate.
int select_protocol(SSL* connection, const unsigned char** chosen, unsigned char* chosen_bytes,
                    const unsigned char* offered, unsigned offered_bytes, void*) {
    const std::string_view offer(reinterpret_cast<const char*>(offered), offered_bytes);
    const auto choose = [&](std::string_view protocol) {
        *chosen = reinterpret_cast<const unsigned char*>(protocol.data());
        *chosen_bytes = static_cast<unsigned char>(protocol.size());
        return SSL_TLSEXT_ERR_OK;
    };
    if (offers(offer, kFrameProtocol)) {
        SSL_set_verify(connection, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
        return choose(kFrameProtocol);
    }
    if (offers(offer, kHttpProtocol)) return choose(kHttpProtocol);
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

Status check_key_mode(const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) return system_error("reading the key", path, errno);
    if ((status.st_mode & S_IRWXO) != 0)
        return Error{ErrorCode::kReject,
                     "the key " + path + " can be read by everybody: chmod 0600 it"};
    return {};
}

Status load_own(SSL_CTX& context, const CredentialFiles& files) {
    if (SSL_CTX_use_certificate_chain_file(&context, files.certificate.c_str()) != 1)
        return openssl_failure(ErrorCode::kReject,
                               "cannot read the certificate " + files.certificate);
    LB_TRY(check_key_mode(files.key));
    if (SSL_CTX_use_PrivateKey_file(&context, files.key.c_str(), SSL_FILETYPE_PEM) != 1)
        return openssl_failure(ErrorCode::kReject,
                               "cannot use the key " + files.key + " with " + files.certificate);
    return {};
}

Result<SharedContext> make_context(const CredentialFiles& files) {
    ERR_clear_error();
    SharedContext context(SSL_CTX_new(TLS_method()), SSL_CTX_free);
    if (!context) return openssl_failure(ErrorCode::kBug, "cannot make a TLS context");
    SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context.get(), 0);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    LB_TRY(load_own(*context, files));
    LB_TRY(load_authorities(*context, files.authorities));
    return context;
}

// Changes when a file is replaced, written or gone, or when there is another one.
Result<std::string> stamp_of(const CredentialFiles& files) {
    LB_TRY_ASSIGN(std::vector<std::string> paths, trust_files(files.authorities));
    std::sort(paths.begin(), paths.end());
    paths.push_back(files.certificate);
    paths.push_back(files.key);
    std::string stamp;
    for (const std::string& path : paths) {
        struct stat status {};
        if (stat(path.c_str(), &status) != 0) status = {};
        for (const long part : {static_cast<long>(status.st_ino), status.st_size,
                                status.st_mtim.tv_sec, status.st_mtim.tv_nsec})
            stamp += std::to_string(part) + " ";
        stamp += path + "\n";
    }
    return stamp;
}

bool is_address(const std::string& host) {
    in6_addr ignored{};
    return inet_pton(AF_INET, host.c_str(), &ignored) == 1 ||
           inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

}  // namespace

Result<std::shared_ptr<Credentials>> Credentials::load(const CredentialFiles& files) {
    std::shared_ptr<Credentials> credentials(new Credentials(files));
    LB_TRY(credentials->reload());
    return credentials;
}

Status Credentials::reload() {
    // Before the files are read: what changes meanwhile is read again the next time.
    LB_TRY_ASSIGN(std::string stamp, stamp_of(files_));
    auto loaded = std::make_shared<Loaded>();
    LB_TRY_ASSIGN(loaded->server, make_context(files_));
    SSL_CTX_set_alpn_select_cb(loaded->server.get(), select_protocol, nullptr);
    LB_TRY_ASSIGN(loaded->client, make_context(files_));
    LB_TRY_ASSIGN(loaded->identity, identity_of(*SSL_CTX_get0_certificate(loaded->client.get())));
    metrics::Registry::global()
        .gauge("lb_tls_certificate_expiry_seconds",
               "When this process' certificate ends, seconds since 1970")
        .set(loaded->identity.not_after_us / 1'000'000);
    const std::lock_guard lock(mutex_);
    loaded_ = std::move(loaded);
    stamp_ = std::move(stamp);
    return {};
}

Result<bool> Credentials::reload_if_changed() {
    LB_TRY_ASSIGN(const std::string now, stamp_of(files_));
    {
        const std::lock_guard lock(mutex_);
        if (now == stamp_) return false;
    }
    LB_TRY(reload());
    return true;
}

SharedContext Credentials::server_context() const {
    const std::lock_guard lock(mutex_);
    return loaded_->server;
}

SharedContext Credentials::client_context() const {
    const std::lock_guard lock(mutex_);
    return loaded_->client;
}

Identity Credentials::own_identity() const {
    const std::lock_guard lock(mutex_);
    return loaded_->identity;
}

std::int64_t Credentials::not_after_us() const {
    const std::lock_guard lock(mutex_);
    return loaded_->identity.not_after_us;
}

Status expect_server(SSL& connection, const std::vector<std::string>& host_names,
                     std::string_view protocol) {
    LB_ASSERT(!host_names.empty());
    X509_VERIFY_PARAM* expected = SSL_get0_param(&connection);
    X509_VERIFY_PARAM_set_hostflags(
        expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    for (const auto& name : host_names) {
        const bool is_set =
            is_address(name) ? X509_VERIFY_PARAM_set1_ip_asc(expected, name.c_str()) == 1
                             : X509_VERIFY_PARAM_add1_host(expected, name.data(), name.size()) == 1;
        if (!is_set) return Error{ErrorCode::kReject, "\"" + name + "\" is no host name"};
    }
    if (!is_address(host_names.front()) &&
        SSL_set_tlsext_host_name(&connection, host_names.front().c_str()) != 1)
        return Error{ErrorCode::kReject, "\"" + host_names.front() + "\" is no host name"};
    const std::string offer = alpn_form(protocol);
    if (SSL_set_alpn_protos(&connection, reinterpret_cast<const unsigned char*>(offer.data()),
                            static_cast<unsigned>(offer.size())) != 0)
        return openssl_failure(ErrorCode::kBug, "cannot offer a protocol");
    return {};
}

Result<Identity> peer_identity(const SSL& connection) {
    const X509* certificate = SSL_get0_peer_certificate(&connection);
    if (certificate == nullptr) return Identity{};
    return identity_of(*certificate);
}

std::string agreed_protocol(const SSL& connection) {
    const unsigned char* protocol = nullptr;
    unsigned length = 0;
    SSL_get0_alpn_selected(&connection, &protocol, &length);
    return std::string(reinterpret_cast<const char*>(protocol), length);
}

}  // namespace lb::tls
