// Reading: how much of a process somebody sees. A pure function of rules, asker and process.
#pragma once

#include <string>
#include <string_view>

#include "bkserver/authz/rules.h"

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
    std::string_view process;     // its id
    std::string_view registrant;  // identity_text(); empty: nobody
};

struct Reading {
    View view = View::kNone;
    std::string reason;  // which rule decided, for people
};

// Who asks, as rules know them.
struct Actor {
    std::string identity;  // canonical
    std::vector<std::string> groups;
    bool is_admin = false;
};

Reading read_by_rules(const RuleSet& rules, const Actor& actor, const ReadQuestion& question);

}  // namespace lb::authz
