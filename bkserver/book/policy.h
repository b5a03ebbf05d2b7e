// What the book asks before it takes an event: who may log what for which process. Answered by the
// policy of bkserver/authz, through this interface so that the book knows no policy files.
#pragma once

#include <string>
#include <string_view>

#include "bkserver/state/access.h"
#include "common/event/event.h"
#include "lb/v1/envelope.pb.h"

namespace lb::book {

// One event at the door. References are valid during the call only.
struct PolicyQuestion {
    const lb::v1::Identity& forwarder;  // proven by TLS or the kernel: who delivers
    const lb::v1::Identity& origin;     // who logged it, as stamped at acceptance, with its realm
    std::string_view origin_host;       // host of the daemon that accepted it
    std::string_view subject;           // process id or key
    const lb::event::Event& event;
    std::string_view
        registrant;  // who registered the process, as event::identity_text(); empty: nobody
    // Id of the process that answers for the subject, or that it would found; empty: not known.
    std::string_view process = {};
    const state::Access* access = nullptr;  // rights that the process gives; null: none
};

struct Decision {
    bool is_allowed = false;
    std::string reason;      // which rule or right decided, for people
    std::string place = {};  // of the rule: file and line; empty when none decided
};

// Thread-safe; the same question gives the same answer as long as the policy is not reloaded.
class Policy {
  public:
    virtual ~Policy() = default;

    // May this forwarder vouch for that origin, and may that origin log this event for this
    // process? Asked of every event but duplicates; a RegJob is a registration, Bind a binding.
    [[nodiscard]] virtual Decision may_log(const PolicyQuestion& question) const = 0;
    // May this registration, or joining of a cluster, make its process a child of another one?
    // Subject, process, registrant and access of the question are those of that parent.
    [[nodiscard]] virtual Decision may_add_child(const PolicyQuestion& question) const {
        return may_log(question);
    }
    // Whether two identities, as event::identity_text() writes them, are one person or service: who
    // registered a process owns it under all its names.
    [[nodiscard]] virtual bool is_same(std::string_view one, std::string_view other) const {
        return one == other;
    }
    // May an event whose key nobody owns create the process?
    [[nodiscard]] virtual Decision may_adopt(const PolicyQuestion& question) const = 0;
};

}  // namespace lb::book
