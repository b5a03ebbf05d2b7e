#include "common/tls/identity.h"

#include <arpa/inet.h>

#include <algorithm>
#include <ctime>

#include "common/base/ascii.h"
#include "common/base/identity_limits.h"
#include "common/tls/distinguished_name.h"
#include "common/tls/openssl_handle.h"

namespace lb::tls {
namespace {

std::int64_t microseconds_of(const ASN1_TIME* time) {
    std::tm broken_down{};
    if (ASN1_TIME_to_tm(time, &broken_down) != 1) return 0;
    return static_cast<std::int64_t>(timegm(&broken_down)) * 1'000'000;
}

std::string address_text(const ASN1_OCTET_STRING* bytes) {
    char text[INET6_ADDRSTRLEN] = {};
    const int family = ASN1_STRING_length(bytes) == 4 ? AF_INET : AF_INET6;
    if (family == AF_INET6 && ASN1_STRING_length(bytes) != 16) return {};
    inet_ntop(family, ASN1_STRING_get0_data(bytes), text, sizeof text);
    return text;
}

void add_alternative_names(const X509& certificate, Identity& identity) {
    auto* names = static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS) {
            const auto* data = ASN1_STRING_get0_data(name->d.dNSName);
            const auto length = static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName));
            identity.host_names.push_back(
                lower_case(std::string_view(reinterpret_cast<const char*>(data), length)));
        } else if (name->type == GEN_IPADD) {
            identity.addresses.push_back(address_text(name->d.iPAddress));
        }
    }
    GENERAL_NAMES_free(names);
}

std::string_view domain_of(std::string_view host) {
    const std::size_t dot = host.find('.');
    return dot == std::string_view::npos ? std::string_view() : host.substr(dot + 1);
}

bool is_numeric_address(const std::string& host) {
    in6_addr ignored{};
    return inet_pton(AF_INET, host.c_str(), &ignored) == 1 ||
           inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

}  // namespace

bool Identity::is_host(std::string_view host, std::string_view own_host) const {
    const auto is_among = [](const std::vector<std::string>& names, const std::string& name) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    for (const auto& alias : host_aliases(host, own_host))
        if (is_among(host_names, alias) || is_among(addresses, alias)) return true;
    return false;
}

Result<Identity> identity_of(const X509& certificate) {
    Identity identity;
    LB_TRY_ASSIGN(identity.dn, slash_form(*X509_get_subject_name(&certificate)));
    if (identity.dn.size() > limits::kSubjectNameBytesMax)
        return Error{ErrorCode::kReject,
                     "the certificate's subject is " + std::to_string(identity.dn.size()) +
                         " bytes long; more than " + std::to_string(limits::kSubjectNameBytesMax) +
                         " are refused"};
    LB_TRY_ASSIGN(identity.issuer_dn, slash_form(*X509_get_issuer_name(&certificate)));
    add_alternative_names(certificate, identity);
    identity.not_after_us = microseconds_of(X509_get0_notAfter(&certificate));
    return identity;
}

std::vector<std::string> host_aliases(std::string_view host, std::string_view own_host) {
    std::vector<std::string> aliases = {lower_case(host)};
    const std::string own_domain = lower_case(domain_of(own_host));
    const std::string& name = aliases.front();
    if (is_numeric_address(name) || own_domain.empty()) return aliases;
    const std::string domain(domain_of(name));
    if (domain.empty()) {
        aliases.push_back(name + "." + own_domain);
    } else if (domain == own_domain) {
        aliases.push_back(name.substr(0, name.find('.')));
    }
    return aliases;
}

}  // namespace lb::tls
