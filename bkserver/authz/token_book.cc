#include "bkserver/authz/token_book.h"

#include <algorithm>

#include "common/base/encoding.h"
#include "common/env/env.h"
#include "common/event/digest.h"
#include "common/event/time_text.h"

namespace lb::authz {

namespace {

constexpr std::string_view kPrefix = "lb1.";
constexpr std::size_t kIdBytes = 8;
constexpr std::size_t kSecretBytes = 32;
// When there are more, all are forgotten and asked for again.
constexpr std::size_t kKnownMax = 100'000;

Error denied(std::string text) {
    return {ErrorCode::kDenied, std::move(text)};
}

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    env::posix_env().fill_random(bytes);
    return bytes;
}

// Takes as long for a wrong byte at the beginning as for one at the end.
bool is_same(std::string_view one, std::string_view other) {
    if (one.size() != other.size()) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < one.size(); ++i)
        difference |= static_cast<unsigned char>(one[i]) ^ static_cast<unsigned char>(other[i]);
    return difference == 0;
}

struct Parts {
    std::string id;
    std::string secret;
};

std::optional<Parts> parts_of(std::string_view bearer) {
    constexpr std::size_t kIdDigits = 2 * kIdBytes;
    if (!bearer.starts_with(kPrefix)) return std::nullopt;
    bearer.remove_prefix(kPrefix.size());
    if (bearer.size() < kIdDigits + 2 || bearer[kIdDigits] != '.') return std::nullopt;
    const auto id = from_hex(bearer.substr(0, kIdDigits));
    const auto secret = from_base64url(bearer.substr(kIdDigits + 1));
    if (!id || !secret || secret->size() != kSecretBytes) return std::nullopt;
    return Parts{to_hex(*id), *secret};
}

Status check(const store::Token& token, std::int64_t now_us) {
    if (token.revoked_us != 0)
        return denied("token " + token.id + " was revoked at " +
                      event::time_to_text(token.revoked_us));
    if (token.expires_us <= now_us)
        return denied("token " + token.id + " ended at " + event::time_to_text(token.expires_us) +
                      "; lbctl token issue makes another one");
    return {};
}

}  // namespace

FreshToken make_token() {
    FreshToken fresh;
    const std::string secret = random_bytes(kSecretBytes);
    fresh.row.id = to_hex(random_bytes(kIdBytes));
    fresh.row.secret_digest = event::sha256(secret);
    fresh.text = std::string(kPrefix) + fresh.row.id + "." + to_base64url(secret);
    return fresh;
}

std::vector<std::string> names_of_sources(std::uint64_t sources) {
    std::vector<std::string> names;
    const auto all = event::source_names();
    for (std::size_t i = 0; i < all.size(); ++i)
        if ((sources >> i & 1U) != 0) names.emplace_back(all[i]);
    return names;
}

void TokenBook::connect(Find find) {
    const std::lock_guard lock(mutex_);
    find_ = std::move(find);
}

Result<store::Token> TokenBook::look_up(const std::string& id, std::int64_t now_us) {
    Find find;
    {
        const std::lock_guard lock(mutex_);
        const auto known = known_.find(id);
        if (known != known_.end() && now_us < known->second.asked_us + kTokenFreshUs)
            return known->second.token;
        find = find_;
    }
    if (!find) return denied("this server takes no tokens");
    auto found = find(id);
    const std::lock_guard lock(mutex_);
    const auto known = known_.find(id);
    if (!found.ok()) {
        // While the store is away nothing is settled either: what was known stays good for that.
        if (known != known_.end()) return known->second.token;
        return found.error();
    }
    if (!*found) {
        known_.erase(id);
        return denied("there is no token " + id + " here");
    }
    if (known != known_.end()) {
        // An answer that was on its way when the token was revoked here does not bring it back.
        if (known->second.token.revoked_us != 0) return known->second.token;
        (*found)->process = known->second.token.process;
    } else if (known_.size() > kKnownMax) {
        known_.clear();
    }
    known_[id] = {**found, now_us};
    return **found;
}

Result<store::Token> TokenBook::authenticate(std::string_view bearer, std::int64_t now_us) {
    const auto parts = parts_of(bearer);
    if (!parts) return denied("the token has not the form lb1.ID.SECRET of lbctl token issue");
    LB_TRY_ASSIGN(store::Token token, look_up(parts->id, now_us));
    if (!is_same(event::sha256(parts->secret), token.secret_digest))
        return denied("the secret of token " + parts->id + " is wrong");
    LB_TRY(check(token, now_us));
    return token;
}

Result<store::Token> TokenBook::find(const std::string& id, std::int64_t now_us) {
    LB_TRY_ASSIGN(store::Token token, look_up(id, now_us));
    LB_TRY(check(token, now_us));
    return token;
}

void TokenBook::follow(const std::string& id, std::string process) {
    const std::lock_guard lock(mutex_);
    const auto known = known_.find(id);
    if (known != known_.end()) known->second.token.process = std::move(process);
}

void TokenBook::revoke(const store::Token& token) {
    const std::lock_guard lock(mutex_);
    known_[token.id] = {token, token.revoked_us};
}

}  // namespace lb::authz
