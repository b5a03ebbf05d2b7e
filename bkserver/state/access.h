// Rights that a process gives of its own, beside what the site's policy gives: its access list, as
// ChangeACL events edit it, and the owner of its payload. An entry is a right of somebody, allowed
// or denied; the newest word about it, ADD or REMOVE, counts, in whatever order the events arrive.
// Time alone orders them: those who edit the list have no clock in common. What all of it gives is
// decided by bkserver/authz.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bkserver/state/registers.h"
#include "common/event/event.h"

namespace lb::state {

class Draft;

enum class Right : std::uint8_t { kRead, kTag };
std::string_view to_string(Right right);

struct AccessEntry {
    enum class Kind : std::uint8_t { kPerson, kGroup, kFqan };
    Right right = Right::kRead;
    bool is_denial = false;
    Kind kind = Kind::kPerson;
    std::string who;  // as it was written: a DN or an identity; "vo":"group"; an FQAN
};

struct Access {
    std::vector<AccessEntry> entries;
    std::string payload_owner;  // a DN or an identity; empty: nobody took the payload over
    // More denials than are kept: an old one may be missing, so that nothing can be allowed.
    bool has_lost_denials = false;

    [[nodiscard]] bool is_empty() const { return entries.empty() && payload_owner.empty(); }
};

Access access_of(const Registers& registers);

// Who was granted the payload and took it; of several the one whose later word is the newest.
std::string payload_owner(const Registers& registers);

// That later word, the grant or the taking; nullptr: the payload is nobody's.
const Claim* payload_claim(const Registers& registers);

// The entry that a ChangeACL is about, without its verb: "READ DN /CN=x"; empty when it does not
// say all of it. The name under which registers keep the claim.
std::string access_entry_name(const event::Event& event);

// Attributes "acl" (the original's GACL text) and "access_rights" (a line an entry, for people);
// nothing when the list is empty.
void show_access(const Registers& registers, Draft& draft);

}  // namespace lb::state
