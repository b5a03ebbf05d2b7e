// A small certificate authority for trying things out, tests, and sites that have none: EC P-256
// keys, X.509 v3 certificates, revocation lists. It lives in one directory: ca.pem, ca.key, ca.crl.
// The invariant: keys are never readable by others, and no file is half written.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace lb::tls {

struct AuthorityOptions {
    std::string directory;                   // made when missing, mode 0755
    std::string dn = "/O=lb/CN=lb site CA";  // slash form
    int valid_days = 3650;
};
// kConflict when there is an authority already.
Status make_authority(const AuthorityOptions& options);

struct CertificateRequest {
    std::string dn;                       // "/O=example/CN=node1.example.org"
    std::vector<std::string> host_names;  // DNS names and IP addresses for the SANs
    int valid_days = 365;                 // negative: ended so many days ago (for tests)
    std::string certificate_file;         // written: certificate, mode 0644
    std::string key_file;                 // written: key, mode 0600
};
// Replaces the files when they exist.
Status issue_certificate(const std::string& authority_directory, const CertificateRequest& request);

// Adds the certificate in `certificate_file` to the authority's revocation list.
Status revoke_certificate(const std::string& authority_directory,
                          const std::string& certificate_file);

}  // namespace lb::tls
