// The policy: answers who may log, adopt, read and administer, by the rules of a file that can be
// reloaded while the server runs. Deny by default; every answer names the rule that gave it.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bkserver/authz/reading.h"
#include "bkserver/authz/rules.h"
#include "bkserver/authz/token_book.h"
#include "bkserver/book/policy.h"
#include "common/base/result.h"

namespace lb::authz {

// Thread-safe. An answer is given by one set of rules, even while another one is being loaded.
class Policy : public book::Policy {
  public:
    // Identities of the local socket with one of `admin_uids` may do everything.
    Policy(RuleSet rules, std::vector<std::uint32_t> admin_uids);

    // The policy for trying out: whoever is authenticated may do everything.
    static RuleSet open_to_all();

    void replace(RuleSet rules);
    // The groups that its files give an identity.
    [[nodiscard]] std::vector<std::string> groups(const lb::v1::Identity& identity) const;
    // Of pseudonyms: what the file says, else derived from the database's secret. Until that is
    // known it is random.
    [[nodiscard]] std::string salt() const;
    // All servers of one database give somebody the same pseudonym, also after a restart. Before
    // lanes and queries begin.
    void derive_salt(std::string_view secret);
    // Whose tokens are good; outlives the policy. Before lanes and queries begin.
    void trust(TokenBook& tokens) { tokens_ = &tokens; }

    [[nodiscard]] book::Decision may_log(const book::PolicyQuestion& question) const override;
    [[nodiscard]] book::Decision may_adopt(const book::PolicyQuestion& question) const override;
    [[nodiscard]] book::Decision may_add_child(const book::PolicyQuestion& question) const override;
    [[nodiscard]] bool is_same(std::string_view one, std::string_view other) const override;
    [[nodiscard]] Reading may_read(const lb::v1::Identity& reader,
                                   const ReadQuestion& question) const;
    // Nothing: rules may let it read any process.
    [[nodiscard]] std::optional<Reach> reach(const lb::v1::Identity& asker) const;
    // Certainly may count every process, who sees them all or is a statistician: counts need not
    // look at each. Where anything is decided process by process, a deny or a list of processes,
    // nobody does but administrators.
    [[nodiscard]] bool may_count_all(const lb::v1::Identity& asker) const;
    // Administrators for everything; who registered a process, for what users and guests say.
    [[nodiscard]] book::Decision may_issue_token(const lb::v1::Identity& issuer,
                                                 const ReadQuestion& question,
                                                 std::uint64_t sources) const;
    [[nodiscard]] book::Decision may_administer(const lb::v1::Identity& identity) const;
    // Role::kStatistician, kPurger, kGrantor, ...: those that ask nothing but who; of kAdopter and
    // kForwarder also what of users of `host` it may found and deliver.
    [[nodiscard]] book::Decision may(Role role, const lb::v1::Identity& identity,
                                     std::string_view process, std::string_view host = {}) const;

  private:
    [[nodiscard]] std::shared_ptr<const RuleSet> rules() const;
    [[nodiscard]] bool is_local_admin(const lb::v1::Identity& identity) const;
    [[nodiscard]] Actor actor_of(const RuleSet& rules, const lb::v1::Identity& identity) const;
    [[nodiscard]] Actor origin_of(const RuleSet& rules, const book::PolicyQuestion& question) const;
    [[nodiscard]] bool is_import(const RuleSet& rules, const book::PolicyQuestion& question) const;

    [[nodiscard]] bool covers_all(Role role, const lb::v1::Identity& identity) const;
    [[nodiscard]] book::Decision judge_token(const RuleSet& rules,
                                             const book::PolicyQuestion& question) const;

    const std::vector<std::uint32_t> admin_uids_;
    std::string own_salt_;
    TokenBook* tokens_ = nullptr;
    mutable std::mutex mutex_;
    std::shared_ptr<const RuleSet> rules_;
};

}  // namespace lb::authz
