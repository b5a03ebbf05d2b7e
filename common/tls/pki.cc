#include "common/tls/pki.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>

#include "common/env/env.h"
#include "common/tls/distinguished_name.h"
#include "common/tls/openssl_handle.h"

namespace lb::tls {
namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;
// Certificates begin a little earlier than now, so that clocks need not agree to the second.
constexpr std::int64_t kBackdatedSeconds = 300;
constexpr std::size_t kPemBytesMax = 16 * 1024 * 1024;

struct Authority {
    CertificateHandle certificate;
    KeyHandle key;
};

std::string certificate_path(const std::string& directory) {
    return directory + "/ca.pem";
}
std::string key_path(const std::string& directory) {
    return directory + "/ca.key";
}
std::string revocation_path(const std::string& directory) {
    return directory + "/ca.crl";
}

// Written aside and renamed, so that a reader sees the old file or the new one, and the mode holds
// from the first byte on.
Status write_file(const std::string& path, const std::string& bytes, mode_t mode) {
    const std::string aside = path + ".new";
    unlink(aside.c_str());
    const int descriptor = open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor < 0) return system_error("creating", aside, errno);
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    const bool is_whole = written == static_cast<ssize_t>(bytes.size()) &&
                          fchmod(descriptor, mode) == 0 && fsync(descriptor) == 0;
    const int failure = errno;
    close(descriptor);
    if (!is_whole) return system_error("writing", aside, failure);
    if (rename(aside.c_str(), path.c_str()) != 0) return system_error("renaming", aside, errno);
    return {};
}

BioHandle memory() {
    return BioHandle(BIO_new(BIO_s_mem()));
}

std::string content_of(BIO& bio) {
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(&bio, &bytes);
    return std::string(bytes, static_cast<std::size_t>(length));
}

std::string pem_of(X509& certificate) {
    const BioHandle bio = memory();
    PEM_write_bio_X509(bio.get(), &certificate);
    return content_of(*bio);
}

std::string pem_of(EVP_PKEY& key) {
    const BioHandle bio = memory();
    PEM_write_bio_PKCS8PrivateKey(bio.get(), &key, nullptr, nullptr, 0, nullptr, nullptr);
    return content_of(*bio);
}

Result<BioHandle> read_pem(const std::string& path) {
    LB_TRY_ASSIGN(const std::string bytes, env::read_file(env::posix_env(), path, kPemBytesMax));
    BioHandle bio = memory();
    BIO_write(bio.get(), bytes.data(), static_cast<int>(bytes.size()));
    return bio;
}

Result<CertificateHandle> read_certificate(const std::string& path) {
    LB_TRY_ASSIGN(const BioHandle bio, read_pem(path));
    CertificateHandle certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!certificate) return openssl_failure(ErrorCode::kReject, "no certificate in " + path);
    return certificate;
}

Result<Authority> read_authority(const std::string& directory) {
    Authority authority;
    LB_TRY_ASSIGN(authority.certificate, read_certificate(certificate_path(directory)));
    LB_TRY_ASSIGN(const BioHandle bio, read_pem(key_path(directory)));
    authority.key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
    if (!authority.key)
        return openssl_failure(ErrorCode::kReject, "no key in " + key_path(directory));
    return authority;
}

// 16 random bytes, so that no state is needed and no two certificates share one.
Status set_random_serial(X509& certificate) {
    std::array<unsigned char, 16> bytes{};
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
        return openssl_failure(ErrorCode::kRetry, "cannot draw a serial number");
    bytes[0] &= 0x7f;
    BIGNUM* number = BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(&certificate));
    BN_free(number);
    return {};
}

Status add_extension(X509& certificate, X509& issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
    const ExtensionHandle extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    if (!extension || X509_add_ext(&certificate, extension.get(), -1) != 1)
        return openssl_failure(ErrorCode::kReject, "\"" + value + "\" is no certificate extension");
    return {};
}

struct Draft {
    std::string dn;
    EVP_PKEY* key = nullptr;
    int valid_days = 0;
};

// Subject, key, serial number and validity; issuer and extensions are the caller's.
Result<CertificateHandle> draft_certificate(const Draft& draft) {
    CertificateHandle certificate(X509_new());
    LB_TRY_ASSIGN(const NameHandle name, parse_slash_form(draft.dn));
    X509_set_version(certificate.get(), X509_VERSION_3);
    X509_set_subject_name(certificate.get(), name.get());
    X509_set_pubkey(certificate.get(), draft.key);
    LB_TRY(set_random_serial(*certificate));
    const std::time_t now = std::time(nullptr);
    const std::int64_t end = now + draft.valid_days * kSecondsPerDay;
    const std::int64_t begin =
        draft.valid_days > 0 ? now - kBackdatedSeconds : end - kSecondsPerDay;
    ASN1_TIME_set(X509_getm_notBefore(certificate.get()), static_cast<std::time_t>(begin));
    ASN1_TIME_set(X509_getm_notAfter(certificate.get()), static_cast<std::time_t>(end));
    return certificate;
}

Status sign(X509& certificate, EVP_PKEY& key) {
    if (X509_sign(&certificate, &key, EVP_sha256()) == 0)
        return openssl_failure(ErrorCode::kBug, "cannot sign the certificate");
    return {};
}

bool is_address(const std::string& name) {
    in6_addr ignored{};
    return inet_pton(AF_INET, name.c_str(), &ignored) == 1 ||
           inet_pton(AF_INET6, name.c_str(), &ignored) == 1;
}

bool is_host_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == '*';
}

// As OpenSSL's configuration form wants it; names are checked, because a comma in one of them
// would begin another.
Result<std::string> alternative_names(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) {
        const bool is_numeric = is_address(name);
        for (const char c : name)
            if (!is_numeric && !is_host_name_character(c))
                return Error{ErrorCode::kReject, "\"" + name + "\" is no host name"};
        text += (text.empty() ? "" : ",") + std::string(is_numeric ? "IP:" : "DNS:") + name;
    }
    return text;
}

// The list lasts as long as the authority: a site that never revokes anything has nothing to renew.
Status write_revocation_list(const std::string& directory, const Authority& authority,
                             X509_CRL& list) {
    const TimeHandle now(ASN1_TIME_set(nullptr, std::time(nullptr)));
    X509_CRL_set_version(&list, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(&list, X509_get_subject_name(authority.certificate.get()));
    X509_CRL_set1_lastUpdate(&list, now.get());
    X509_CRL_set1_nextUpdate(&list, X509_get0_notAfter(authority.certificate.get()));
    X509_CRL_sort(&list);
    if (X509_CRL_sign(&list, authority.key.get(), EVP_sha256()) == 0)
        return openssl_failure(ErrorCode::kBug, "cannot sign the revocation list");
    const BioHandle bio = memory();
    PEM_write_bio_X509_CRL(bio.get(), &list);
    return write_file(revocation_path(directory), content_of(*bio), 0644);
}

Status add_revoked(X509_CRL& list, X509& certificate) {
    X509_REVOKED* found = nullptr;
    if (X509_CRL_get0_by_cert(&list, &found, &certificate) == 1) return {};
    const TimeHandle now(ASN1_TIME_set(nullptr, std::time(nullptr)));
    X509_REVOKED* revoked = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(revoked, X509_get_serialNumber(&certificate));
    X509_REVOKED_set_revocationDate(revoked, now.get());
    if (X509_CRL_add0_revoked(&list, revoked) == 1) return {};
    X509_REVOKED_free(revoked);
    return openssl_failure(ErrorCode::kBug, "cannot add to the revocation list");
}

}  // namespace

Status make_authority(const AuthorityOptions& options) {
    if (mkdir(options.directory.c_str(), 0755) != 0 && errno != EEXIST)
        return system_error("creating", options.directory, errno);
    if (access(key_path(options.directory).c_str(), F_OK) == 0)
        return Error{ErrorCode::kConflict,
                     "there is an authority in " + options.directory + " already"};
    Authority authority;
    authority.key.reset(EVP_EC_gen("P-256"));
    LB_TRY_ASSIGN(authority.certificate,
                  draft_certificate({options.dn, authority.key.get(), options.valid_days}));
    X509& certificate = *authority.certificate;
    X509_set_issuer_name(&certificate, X509_get_subject_name(&certificate));
    LB_TRY(add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE"));
    LB_TRY(add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign"));
    LB_TRY(add_extension(certificate, certificate, NID_subject_key_identifier, "hash"));
    LB_TRY(sign(certificate, *authority.key));
    LB_TRY(write_file(key_path(options.directory), pem_of(*authority.key), 0600));
    LB_TRY(write_file(certificate_path(options.directory), pem_of(certificate), 0644));
    const RevocationListHandle list(X509_CRL_new());
    return write_revocation_list(options.directory, authority, *list);
}

Status issue_certificate(const std::string& authority_directory,
                         const CertificateRequest& request) {
    LB_TRY_ASSIGN(const Authority authority, read_authority(authority_directory));
    const KeyHandle key(EVP_EC_gen("P-256"));
    LB_TRY_ASSIGN(const CertificateHandle certificate,
                  draft_certificate({request.dn, key.get(), request.valid_days}));
    X509& issuer = *authority.certificate;
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(&issuer));
    LB_TRY(add_extension(*certificate, issuer, NID_basic_constraints, "critical,CA:FALSE"));
    LB_TRY(add_extension(*certificate, issuer, NID_key_usage, "critical,digitalSignature"));
    LB_TRY(add_extension(*certificate, issuer, NID_ext_key_usage, "serverAuth,clientAuth"));
    LB_TRY(add_extension(*certificate, issuer, NID_subject_key_identifier, "hash"));
    LB_TRY(add_extension(*certificate, issuer, NID_authority_key_identifier, "keyid"));
    LB_TRY_ASSIGN(const std::string names, alternative_names(request.host_names));
    if (!names.empty()) LB_TRY(add_extension(*certificate, issuer, NID_subject_alt_name, names));
    LB_TRY(sign(*certificate, *authority.key));
    LB_TRY(write_file(request.key_file, pem_of(*key), 0600));
    return write_file(request.certificate_file, pem_of(*certificate), 0644);
}

Status revoke_certificate(const std::string& authority_directory,
                          const std::string& certificate_file) {
    LB_TRY_ASSIGN(const Authority authority, read_authority(authority_directory));
    LB_TRY_ASSIGN(const CertificateHandle certificate, read_certificate(certificate_file));
    if (X509_verify(certificate.get(), authority.key.get()) != 1)
        return openssl_failure(
            ErrorCode::kReject,
            certificate_file + " is not of the authority in " + authority_directory);
    const std::string path = revocation_path(authority_directory);
    LB_TRY_ASSIGN(const BioHandle bio, read_pem(path));
    const RevocationListHandle list(PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr));
    if (!list) return openssl_failure(ErrorCode::kReject, "no revocation list in " + path);
    LB_TRY(add_revoked(*list, *certificate));
    return write_revocation_list(authority_directory, authority, *list);
}

}  // namespace lb::tls
