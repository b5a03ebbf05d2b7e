// Bearer tokens: made, recognised, and remembered for a moment. A token is "lb1.ID.SECRET"; the
// store has the SHA-256 of the secret (256 random bits) and what its bearer may do. What is
// remembered is asked of the store again after kFreshUs, so that a revocation by another server
// takes effect within that time; one by this server, at once.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bkserver/store/store.h"
#include "common/base/result.h"
#include "common/event/table.h"

namespace lb::authz {

inline constexpr std::int64_t kTokenFreshUs = 2'000'000;

// A token that was just made: `text` is shown once, to who asked for it.
struct FreshToken {
    store::Token row;  // id and digest; the caller fills in the rest
    std::string text;
};
FreshToken make_token();

constexpr std::uint64_t bit_of(event::Source source) {
    return std::uint64_t{1} << static_cast<unsigned>(source);
}
// The names of a set of sources, by number.
std::vector<std::string> names_of_sources(std::uint64_t sources);

// Thread-safe.
class TokenBook {
  public:
    using Find = std::function<Result<std::optional<store::Token>>(const std::string& id)>;

    // `find` asks the store; any thread. Before it is given, no token is known.
    void connect(Find find);

    // Whose `bearer` is. kDenied says what is wrong with it; kRetry: the store does not answer.
    Result<store::Token> authenticate(std::string_view bearer, std::int64_t now_us);
    // What the bearer of `id` may do. kDenied when there is none, it has expired or was revoked.
    Result<store::Token> find(const std::string& id, std::int64_t now_us);
    // The token's process answers to this id now: it may have become a name of another one.
    void follow(const std::string& id, std::string process);
    // The store has `token` as revoked now.
    void revoke(const store::Token& token);

  private:
    struct Known {
        store::Token token;
        std::int64_t asked_us = 0;
    };
    Result<store::Token> look_up(const std::string& id, std::int64_t now_us);

    std::mutex mutex_;
    Find find_;
    std::unordered_map<std::string, Known> known_;
};

}  // namespace lb::authz
