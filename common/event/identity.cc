#include "common/event/identity.h"

#include <algorithm>

#include "common/base/ascii.h"
#include "common/base/host_name.h"
#include "lb/v1/envelope.pb.h"

namespace lb::event {

namespace {

constexpr v1::IdentityKind kKinds[] = {v1::IDENTITY_KIND_UID, v1::IDENTITY_KIND_CERTIFICATE,
                                       v1::IDENTITY_KIND_TOKEN, v1::IDENTITY_KIND_CHANNEL,
                                       v1::IDENTITY_KIND_IMPORT};

std::string_view word_of(v1::IdentityKind kind) {
    switch (kind) {
        case v1::IDENTITY_KIND_UID:
            return "uid";
        case v1::IDENTITY_KIND_CERTIFICATE:
            return "certificate";
        case v1::IDENTITY_KIND_TOKEN:
            return "token";
        case v1::IDENTITY_KIND_CHANNEL:
            return "channel";
        case v1::IDENTITY_KIND_IMPORT:
            return "import";
        case v1::IDENTITY_KIND_UNSPECIFIED:
        case v1::IdentityKind_INT_MIN_SENTINEL_DO_NOT_USE_:
        case v1::IdentityKind_INT_MAX_SENTINEL_DO_NOT_USE_:
            break;
    }
    return "unknown";
}

}  // namespace

std::string identity_text(const v1::Identity& identity) {
    std::string text = std::string(word_of(identity.kind())) + ":" + identity.name();
    if (!identity.realm().empty()) text += "@" + identity.realm();
    return text;
}

std::optional<v1::Identity> identity_of_text(std::string_view text) {
    v1::Identity identity;
    if (text.starts_with('/')) {
        identity.set_kind(v1::IDENTITY_KIND_CERTIFICATE);
        identity.set_name(std::string(text));
        return identity;
    }
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || colon + 1 == text.size()) return std::nullopt;
    for (const v1::IdentityKind kind : kKinds) {
        if (text.substr(0, colon) != word_of(kind)) continue;
        std::string_view name = text.substr(colon + 1);
        identity.set_kind(kind);
        const std::size_t at =
            kind == v1::IDENTITY_KIND_UID ? name.rfind('@') : std::string_view::npos;
        if (at != std::string_view::npos) identity.set_realm(std::string(name.substr(at + 1)));
        identity.set_name(std::string(name.substr(0, at)));
        return identity;
    }
    return std::nullopt;
}

std::string owner_text(const v1::Identity& identity) {
    if (identity.kind() != v1::IDENTITY_KIND_IMPORT) return identity_text(identity);
    return (identity.name().starts_with('/') ? "certificate:" : "") + identity.name();
}

std::string owner_of_registration(std::string_view stated, std::string_view logged_by) {
    const auto identity = identity_of_text(stated);
    if (!identity || stated == logged_by) return std::string(logged_by);
    std::string owner = identity_text(*identity);
    // "uid:1000" of somebody of this host.
    const bool has_no_realm =
        identity->kind() == v1::IDENTITY_KIND_UID && identity->realm().empty();
    if (has_no_realm && logged_by.starts_with(owner + "@")) return std::string(logged_by);
    return owner;
}

std::string_view host_of_certificate(std::string_view identity) {
    constexpr std::string_view kPrefix = "certificate:";
    if (!identity.starts_with(kPrefix)) return {};
    const std::size_t begin = identity.rfind("/CN=");
    if (begin == std::string_view::npos) return {};
    std::string_view name = identity.substr(begin + 4);
    // "host/node1": a service name in front of the host.
    if (const std::size_t slash = name.find('/'); slash != std::string_view::npos)
        name = name.substr(slash + 1);
    return is_host_name(name) ? name : std::string_view{};
}

void set_realm(v1::Identity& identity, const v1::Identity& forwarder, std::string_view own_host) {
    if (identity.kind() != v1::IDENTITY_KIND_UID) return;
    const std::string deliverer = identity_text(forwarder);
    const std::string_view host = host_of_certificate(deliverer);
    identity.set_realm(lower_case(host.empty() ? own_host : host));
}

}  // namespace lb::event
