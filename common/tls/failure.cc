#include "common/tls/failure.h"

#include <openssl/sslerr.h>

#include <string>

#include "common/tls/openssl_handle.h"

namespace lb::tls {
namespace {

struct Explanation {
    long number;
    ErrorCode code;
    const char* text;
};

// What we found wrong with the peer's certificate.
constexpr Explanation kVerifyExplanations[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, ErrorCode::kDenied,
     "its certificate has expired: renew it there"},
    {X509_V_ERR_CERT_NOT_YET_VALID, ErrorCode::kDenied,
     "its certificate is not valid yet: compare the clocks"},
    {X509_V_ERR_CERT_REVOKED, ErrorCode::kDenied, "its certificate is revoked"},
    {X509_V_ERR_CRL_HAS_EXPIRED, ErrorCode::kDenied,
     "the revocation list of its authority is out of date: fetch the new one into tls.authorities "
     "(it is taken over within a minute)"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, ErrorCode::kDenied,
     "its certificate is of an authority that is not in tls.authorities"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, ErrorCode::kDenied,
     "its certificate is of an authority that is not in tls.authorities"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, ErrorCode::kDenied,
     "its certificate is of an authority that is not in tls.authorities"},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, ErrorCode::kDenied,
     "its certificate is not signed by the authority of that name in tls.authorities"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, ErrorCode::kDenied,
     "its certificate is of an authority that is not in tls.authorities"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, ErrorCode::kDenied,
     "its certificate is signed by itself, not by an authority"},
    {X509_V_ERR_HOSTNAME_MISMATCH, ErrorCode::kDenied,
     "its certificate is not for that host name: it needs the name among its alternative names"},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, ErrorCode::kDenied,
     "its certificate is not for that address: connect by name, or add the address to the "
     "certificate"},
    {X509_V_ERR_INVALID_PURPOSE, ErrorCode::kDenied,
     "its certificate is not meant for this use (extended key usage)"},
};

// What the peer said of our certificate, or what else went wrong.
constexpr Explanation kReasonExplanations[] = {
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, ErrorCode::kDenied,
     "it wants a certificate and was shown none"},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, ErrorCode::kDenied,
     "it showed no certificate: only HTTP may do without"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, ErrorCode::kDenied,
     "it says that our certificate has expired: renew tls.certificate, then reload"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, ErrorCode::kDenied,
     "it says that our certificate is revoked"},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, ErrorCode::kDenied, "it refuses our certificate"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, ErrorCode::kDenied, "it refuses our certificate"},
    {SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, ErrorCode::kDenied,
     "it says that our certificate is not meant for this use (extended key usage)"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, ErrorCode::kDenied,
     "it does not trust the authority of our certificate"},
    {SSL_R_TLSV1_ALERT_DECRYPT_ERROR, ErrorCode::kDenied,
     "it does not trust the authority of our certificate: another one of the same name"},
    {SSL_R_TLSV1_ALERT_ACCESS_DENIED, ErrorCode::kDenied, "it denies us access"},
    {SSL_R_WRONG_VERSION_NUMBER, ErrorCode::kRetry, "it does not speak TLS"},
    {SSL_R_HTTP_REQUEST, ErrorCode::kRetry, "it does not speak TLS but plain HTTP"},
    {SSL_R_UNSUPPORTED_PROTOCOL, ErrorCode::kRetry, "it does not speak TLS 1.3"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, ErrorCode::kRetry, "it does not speak TLS 1.3"},
    {SSL_R_NO_APPLICATION_PROTOCOL, ErrorCode::kRetry,
     "it speaks neither our protocol (lb/1) nor HTTP/1.1"},
    {SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL, ErrorCode::kRetry,
     "it does not speak our protocol (lb/1)"},
    {SSL_R_UNEXPECTED_EOF_WHILE_READING, ErrorCode::kRetry, "it closed the connection"},
};

template <std::size_t kCount>
const Explanation* find(const Explanation (&rows)[kCount], long number) {
    for (const auto& row : rows)
        if (row.number == number) return &row;
    return nullptr;
}

}  // namespace

Error connection_failure(const SSL& connection, unsigned long openssl_error, std::string_view peer,
                         std::string_view system_text) {
    const std::string subject = std::string(peer) + ": ";
    const long verified = SSL_get_verify_result(&connection);
    const int reason = ERR_GET_REASON(openssl_error);
    if (verified != X509_V_OK && reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        const Explanation* row = find(kVerifyExplanations, verified);
        const std::string text =
            row != nullptr ? row->text : X509_verify_cert_error_string(verified);
        return Error{ErrorCode::kDenied, subject + text};
    }
    if (openssl_error != 0 && ERR_GET_LIB(openssl_error) == ERR_LIB_SSL) {
        if (const Explanation* row = find(kReasonExplanations, reason))
            return Error{row->code, subject + row->text};
    }
    const char* text = openssl_error == 0 ? nullptr : ERR_reason_error_string(openssl_error);
    return Error{ErrorCode::kRetry, subject + (text != nullptr ? text : std::string(system_text))};
}

}  // namespace lb::tls
