// Which sources a producer may claim. The kernel says who a local user is, a certificate who speaks
// from elsewhere; the rules come from the configuration. Deny by default: one may claim what some
// rule that fits him names.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/event/event.h"

namespace lb::logd {

// A local user as the kernel proved him.
struct LocalUser {
    uid_t uid = 0;
    std::string name;                 // empty when the system knows none
    std::vector<std::string> groups;  // by name

    // "uid:1000(alice)": for messages.
    [[nodiscard]] std::string text() const;
};
// Asks the system's user database, which may go over the network and take long. An error: it did
// not answer; a user whom it does not know has no name.
Result<LocalUser> look_up_user(uid_t uid);

// A set of event sources.
class SourceSet {
  public:
    void add(event::Source source) { bits_ |= bit(source); }
    void add_all() { bits_ = ~std::uint64_t{0}; }
    void add(const SourceSet& other) { bits_ |= other.bits_; }
    [[nodiscard]] bool contains(event::Source source) const { return (bits_ & bit(source)) != 0; }
    [[nodiscard]] bool is_empty() const { return bits_ == 0; }

  private:
    static std::uint64_t bit(event::Source source) {
        const auto number = static_cast<unsigned>(source);
        return number < 64 ? std::uint64_t{1} << number : 0;
    }

    std::uint64_t bits_ = 0;
};

class SourcePolicy {
  public:
    // Rules as in LogdOptions::sources. kReject names the rule and what is wrong with it.
    static Result<SourcePolicy> parse(std::span<const std::string> rules);

    [[nodiscard]] SourceSet sources_of(const LocalUser& user) const;
    // Of a remote producer by the name in his certificate; "*" means local users alone.
    [[nodiscard]] SourceSet sources_of_certificate(std::string_view dn) const;

  private:
    enum class Who : std::uint8_t { kAnybody, kUid, kUser, kGroup, kCertificate };
    struct Rule {
        Who who = Who::kAnybody;
        uid_t uid = 0;
        std::string name;
        SourceSet sources;
    };

    static Result<Rule> parse_rule(const std::string& text);
    static bool fits(const Rule& rule, const LocalUser& user);

    std::vector<Rule> rules_;
};

}  // namespace lb::logd
