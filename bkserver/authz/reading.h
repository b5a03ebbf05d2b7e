// Reading: how much of a process somebody sees. A pure function of rules, asker and process.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bkserver/authz/rules.h"
#include "bkserver/state/access.h"

namespace lb::authz {

// From nothing to everything.
enum class View : std::uint8_t {
    kNone,
    kReduced,     // state and times, for monitoring; neither history nor reasons
    kAnonymized,  // everything but who: owners are pseudonyms; neither history nor reasons
    kFull,
};
std::string_view to_string(View view);

// A process as far as reading it is concerned.
struct ReadQuestion {
    std::string_view process;               // its id
    std::string_view registrant;            // identity_text(); empty: nobody
    const state::Access* access = nullptr;  // rights that the process gives; null: none
};

struct Reading {
    View view = View::kNone;
    std::string reason;      // which rule or entry decided, for people
    std::string place = {};  // of the rule: file and line; empty when none decided
};

// Who asks, as rules know them.
struct Actor {
    std::string identity;  // canonical
    std::vector<std::string> groups;
    bool is_admin = false;
    const Rule* admin_rule = nullptr;  // that made it one; null: it is one of this host
};
// Why an administrator may do something.
std::string words_for_admin(const Actor& actor);
std::string place_for_admin(const Actor& actor);

// What the process's own access list says to somebody. A denial wins over what the list allows; it
// takes nothing away of what the site's policy allows.
enum class Listed : std::uint8_t { kNot, kAllowed, kDenied };
Listed listed(const RuleSet& rules, const state::Access* access, const Actor& actor,
              state::Right right);

// Whether the actor is who registered the process, and whether it took over its payload.
bool is_registrant(const RuleSet& rules, const Actor& actor, std::string_view registrant);
bool is_payload_owner(const RuleSet& rules, const state::Access* access, const Actor& actor);

// The processes that somebody may read at most whom no rule lets read others'.
struct Reach {
    std::vector<std::string> registrants;  // patterns: of processes that are his own
    std::vector<std::string> names;        // of the process that his token is for
    // And whichever gives him rights of its own.
};
// Nothing: there is a rule, or an administrator's right, by which he may read any process.
std::optional<Reach> reach_by_rules(const RuleSet& rules, const Actor& actor);

Reading read_by_rules(const RuleSet& rules, const Actor& actor, const ReadQuestion& question);

}  // namespace lb::authz
