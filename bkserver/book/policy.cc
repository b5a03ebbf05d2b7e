#include "bkserver/book/policy.h"

namespace lb::book {

namespace {

std::string_view word_of(lb::v1::IdentityKind kind) {
    switch (kind) {
        case lb::v1::IDENTITY_KIND_UID:
            return "uid";
        case lb::v1::IDENTITY_KIND_CERTIFICATE:
            return "certificate";
        case lb::v1::IDENTITY_KIND_TOKEN:
            return "token";
        case lb::v1::IDENTITY_KIND_CHANNEL:
            return "channel";
        case lb::v1::IDENTITY_KIND_IMPORT:
            return "import";
        case lb::v1::IDENTITY_KIND_UNSPECIFIED:
        case lb::v1::IdentityKind_INT_MIN_SENTINEL_DO_NOT_USE_:
        case lb::v1::IdentityKind_INT_MAX_SENTINEL_DO_NOT_USE_:
            break;
    }
    return "unknown";
}

}  // namespace

std::string identity_text(const lb::v1::Identity& identity) {
    const std::string_view word = word_of(identity.kind());
    // Names of local users carry their kind already: "uid:1000(alice)".
    if (identity.name().starts_with(std::string(word) + ":")) return identity.name();
    return std::string(word) + ":" + identity.name();
}

}  // namespace lb::book
