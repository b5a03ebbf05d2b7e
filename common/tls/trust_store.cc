#include "common/tls/trust_store.h"

#include <openssl/pem.h>

#include <filesystem>
#include <system_error>

namespace lb::tls {
namespace {

struct Loaded {
    std::size_t authorities = 0;
    std::size_t revocation_lists = 0;
};

// Certificates that are no authority's are passed over: in the directory of a small authority
// there may be those that it issued.
Status load_file(X509_STORE& store, const std::string& path, Loaded& loaded) {
    const BioHandle file(BIO_new_file(path.c_str(), "r"));
    if (!file) return openssl_failure(ErrorCode::kNotFound, "cannot read authorities in " + path);
    STACK_OF(X509_INFO)* infos = PEM_X509_INFO_read_bio(file.get(), nullptr, nullptr, nullptr);
    if (infos == nullptr)
        return openssl_failure(ErrorCode::kReject, "cannot read authorities in " + path);
    for (int i = 0; i < sk_X509_INFO_num(infos); ++i) {
        const X509_INFO* info = sk_X509_INFO_value(infos, i);
        if (info->x509 != nullptr && X509_check_ca(info->x509) != 0)
            loaded.authorities += X509_STORE_add_cert(&store, info->x509) == 1 ? 1 : 0;
        if (info->crl != nullptr)
            loaded.revocation_lists += X509_STORE_add_crl(&store, info->crl) == 1 ? 1 : 0;
    }
    sk_X509_INFO_pop_free(infos, X509_INFO_free);
    return {};
}

bool is_trust_file(const std::filesystem::path& path) {
    const std::string suffix = path.extension().string();
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (suffix == ".pem" || suffix == ".crt" || suffix == ".crl") return true;
    if (suffix.size() == 2) return is_digit(suffix[1]);
    return suffix.size() == 3 && suffix[1] == 'r' && is_digit(suffix[2]);
}

// A list that is missing refuses nobody; one that says "revoked", or is out of date, does.
int verify_with_missing_lists(int is_ok, X509_STORE_CTX* chain) {
    if (X509_STORE_CTX_get_error(chain) != X509_V_ERR_UNABLE_TO_GET_CRL) return is_ok;
    X509_STORE_CTX_set_error(chain, X509_V_OK);
    return 1;
}

}  // namespace

Result<std::vector<std::string>> trust_files(const std::string& path) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(path, ignored)) return std::vector{path};
    std::vector<std::string> files;
    std::error_code failure;
    for (std::filesystem::directory_iterator entry(path, failure), end; !failure && entry != end;
         entry.increment(failure))
        if (is_trust_file(entry->path()) && entry->is_regular_file(ignored))
            files.push_back(entry->path().string());
    if (failure) return system_error("reading", path, failure.value());
    return files;
}

Status load_authorities(SSL_CTX& context, const std::string& path) {
    X509_STORE* store = SSL_CTX_get_cert_store(&context);
    Loaded loaded;
    LB_TRY_ASSIGN(const std::vector<std::string> files, trust_files(path));
    for (const std::string& file : files) LB_TRY(load_file(*store, file, loaded));
    ERR_clear_error();
    if (loaded.authorities == 0)
        return Error{ErrorCode::kReject,
                     "no certificate authority in " + path +
                         ": put the PEM files of the trusted authorities there"};
    if (loaded.revocation_lists > 0) {
        X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
        X509_STORE_set_verify_cb(store, verify_with_missing_lists);
    }
    return {};
}

}  // namespace lb::tls
