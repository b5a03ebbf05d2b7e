// The rules of the policy: who may do what, as the policy file says it (policy_file.h). A rule that
// denies wins over every rule that allows; what no rule allows is denied. Rules are values and do
// not change once loaded; a reload makes new ones.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lb::authz {

// What a rule allows or denies.
enum class Role : std::uint8_t {
    kForwarder,         // deliver events that others logged
    kOrigin,            // log events
    kRegistrar,         // register processes
    kAdopter,           // bring processes into being that nobody registered
    kReader,            // read processes of others
    kAdmin,             // everything but to forward
    kGrantor,           // grant the payload of others' processes
    kAnonymousReader,   // read processes of others without who they are
    kMonitor,           // read of processes of others what monitoring needs
    kStatistician,      // ask for statistics over processes of others
    kPurger,            // purge processes
    kForeignRegistrar,  // register processes that others own
};
inline constexpr std::size_t kRoleCount = 12;
std::string_view to_string(Role role);
// By its own name, or that of the original's action ("READ_ALL"); nothing for those that are
// origin with certain events (LOG_WMS_EVENTS, ...).
std::optional<Role> role_of(std::string_view name);

// Lists are patterns: '*' stands for any text. All lists of a rule that are not empty must match;
// what an empty one means is said beside it.
struct Rule {
    std::string name;   // "rule 3" when the file gives none
    std::string place;  // "/etc/lb/policy.toml, line 12"; empty when no file says it
    bool is_deny = false;
    std::vector<Role> roles;
    // Identities: "certificate:/DC=org/*", "uid:1000@*"; groups: "group:atlas".
    std::vector<std::string> who;
    std::vector<std::string> hosts;    // where the event was accepted; "own": certificate's host
    std::vector<std::string> vouches;  // kinds of identities a forwarder may state
    std::vector<std::string> sources;  // empty: all but those that speak for the owner
    // Types, or "wms", "ce", "general": those of the original's actions; empty: all.
    std::vector<std::string> events;
    std::vector<std::string> processes;   // ids and keys; empty: all
    std::vector<std::string> speaks_for;  // hosts a VMManager may speak for; empty: "own"
};

// Identities that are one person or service.
struct Alias {
    std::string identity;           // by which it is known here
    std::vector<std::string> also;  // "uid:1000@node1.example.org"; without host: of any
};

// Whoever matches one of `members` belongs to the group.
struct Group {
    std::string name;
    std::vector<std::string> members;
};

struct RuleSet {
    std::vector<Rule> rules;
    std::vector<Alias> aliases;
    std::vector<Group> groups;
    std::vector<std::string> group_files;  // read when the policy file is (policy_file.h)
    std::string salt;  // of pseudonyms; empty: derived from the secret of the database
};

// One act to judge. Views are valid during the call only; empty ones are not known.
struct Act {
    Role role = Role::kReader;
    std::string_view identity = {};            // who acts: "certificate:/DC=org/CN=x"
    std::span<const std::string> groups = {};  // of the actor, beside those that the rules know
    std::string_view host = {};          // forwarder, origin, adopter: where the event was accepted
    std::string_view vouched_kind = {};  // forwarder: kind of the identity it states
    std::string_view source = {};        // origin: name of the source
    std::string_view event = {};         // origin: name of the event's type
    std::string_view process = {};       // id or key
    std::string_view spoken_host = {};   // origin, source VMManager: host it speaks for
};

// The rule that decides, and whether it was a refusal. No rule: denied by default.
struct Ruling {
    bool is_allowed = false;
    const Rule* rule = nullptr;
};
Ruling judge(const RuleSet& rules, const Act& act);

// The name under which rules and ownership know `identity`.
std::string canonical_identity(const RuleSet& rules, std::string_view identity);

// Groups of `identity` by the rules, and `proven` ones: names without "group:".
std::vector<std::string> groups_of(const RuleSet& rules, std::string_view identity,
                                   std::span<const std::string> proven);

// Named sets of event types.
bool is_in_event_group(std::string_view group, std::string_view event);
bool is_event_group(std::string_view name);

// Patterns that fit every identity whose canonical one is `identity`.
std::vector<std::string> patterns_of_identity(const RuleSet& rules, std::string_view identity);

// Sources whose events are the owner's own word.
bool speaks_for_owner(std::string_view source);

}  // namespace lb::authz
