// From accepted events to a status. An event is a set of claims; a register keeps the winning
// claim; the status is a pure function of the registers. No I/O, no clock, no order of arrival:
// whoever has the same accepted events has the same bytes.
//
// Use: fresh(implied type) or Registers::decode(), apply() each accepted event in any order,
// encode(), derive().
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bkserver/state/registers.h"
#include "bkserver/state/steps.h"
#include "common/base/json_line.h"
#include "common/event/event.h"
#include "common/event/order_key.h"

namespace lb::state {

// Main states, with the original's numbers.
enum class MainState : std::uint8_t {
    kUndefined = 0,
    kSubmitted = 1,
    kWaiting = 2,
    kReady = 3,
    kScheduled = 4,
    kRunning = 5,
    kDone = 6,
    kCleared = 7,
    kAborted = 8,
    kCancelled = 9,
    kUnknown = 10,
    kPurged = 11,
};
std::string_view to_string(MainState state);  // "Running"

// The word of a lb.v1.ProcessType as status and cases write it: "virtual_machine"; empty if
// unknown.
std::string_view process_type_word(std::uint32_t type);
// 0 if there is no such word. Accepts the RegJob spelling ("VIRTUAL_MACHINE") too.
std::uint32_t process_type_from_word(std::string_view word);

// What apply() did with an event.
enum class Outcome : std::uint8_t {
    kApplied,        // it made claims (which an older or newer claim may overrule)
    kNoted,          // known, but it says nothing for this type: only lastUpdateTime may move
    kNotUnderstood,  // unknown type of event: the registers are marked, rebuild after an upgrade
    kWaiting,  // the type of the process is not known: keep the event, the registers did not change
    kTypeChanged,  // this registration decided the type; the registers hold this event alone: the
                   // caller applies all other accepted events of the process again, in any order
};
// "applied", "noted", "unknown", "unregistered", "applied"
std::string_view to_string(Outcome outcome);

// Registers of a process before its first event. `implied_type` (process_type_of_key) is 0 when
// only a registration can tell what the process is.
Registers fresh(std::uint32_t implied_type);

Outcome apply(Registers& registers, const event::Event& event, const event::Arrival& arrival);

// Folds `other` into `registers`: commutative, associative, idempotent. False when both are of
// different types: then the caller folds the events of both into registers fresh(0) from the start.
[[nodiscard]] bool merge(Registers& registers, const Registers& other);

// A registration decided the type (not only a key): its own, or that of a parent that planned it.
bool is_registered(const Registers& registers);
bool has_own_registration(const Registers& registers);

// ---- parents and children

// A child or member as its parent counts it.
struct Child {
    std::string id;
    MainState state = MainState::kUnknown;
    std::int64_t since_us = 0;  // a member of a cluster: when it joined; 0: from the beginning
    std::vector<Step> steps;    // ProcessStatus::steps
};

// A process of this type is counted from its children: its status needs them.
bool has_children(std::uint32_t type);
// ... and its state, too.
bool is_moved_by_children(std::uint32_t type);

// Who counts this process, by its own registers.
struct Link {
    std::string parent;         // process id or key, as the events named it
    std::int64_t since_us = 0;  // as Child::since_us
    bool operator==(const Link&) const = default;
};
std::vector<Link> links_of(const Registers& registers);  // by parent, each once

// A registration with nsubjobs plans children: they have ids from the beginning and are Submitted
// from then on, whatever else is heard of them, and when. Nothing for other events.
struct Brood {
    std::uint32_t count = 0;
    std::string seed;  // of event::ProcessId::child
};
std::optional<Brood> brood_of(const event::Event& registration);

// As apply(), of the registration of `parent` to one of the children that it plans. Of several
// registrations the one with the smallest key counts: the caller applies that one alone.
Outcome apply_embryo(Registers& registers, const event::Event& registration,
                     const event::Arrival& arrival, std::string_view parent);

// It entered a state.
struct Move {
    std::int64_t time_us = 0;
    MainState state = MainState::kUndefined;
};

// Canonical: attributes in a fixed order, nothing of now or of arrival.
struct ProcessStatus {
    std::string process;  // its id
    std::uint32_t type = 0;
    MainState state = MainState::kUnknown;
    std::string vm_state;         // word; empty for other types
    std::string done_code;        // word; empty while it has none
    std::string owner;            // the first registrant; empty while adopted
    std::string host;             // vm_phy_hostname, else empty
    std::int64_t entered_us = 0;  // stateEnterTime
    std::int64_t updated_us = 0;  // lastUpdateTime
    bool is_adopted = false;
    std::vector<Step> steps;  // for its parents
    std::vector<Move> moves;  // the states that it went through, in their order
    nlohmann::ordered_json attributes =
        nlohmann::ordered_json::object();  // all, the above included

    // One line of JSON; equal statuses are equal texts.
    [[nodiscard]] std::string to_text() const { return json_line(attributes); }
};

// `children` of a process that has some: all of them, in any order.
ProcessStatus derive(const Registers& registers, std::string_view process,
                     std::span<const Child> children = {});
// The same without `attributes`, which take longer to write down than all else.
ProcessStatus derive_state(const Registers& registers, std::string_view process,
                           std::span<const Child> children = {});

// A relation has two ends: what ConnectJob or DisconnectJob on `process` says at the other one, as
// an event of the server (source LBServer). Nothing for other events and for such mirrors
// themselves.
struct Mirror {
    std::string process;  // the other end
    event::Event event;
};
std::optional<Mirror> mirror_of(const event::Event& event, std::string_view process);

// Done, Aborted, Cancelled and Cleared end a process's relations: the status of either end shows
// them as inactive. derive() knows its own end; whoever knows the other applies this to
// "connections".
bool ends_relations(MainState state);

// A claim as people read it.
struct ClaimView {
    std::string event_id;  // 16 bytes
    std::string key;
    std::int64_t time_us = 0;
    event::Source source = event::Source::kUndefined;
    std::string host;   // of machines: the host it speaks for
    std::string event;  // name of the event's type, as far as the claim tells
    std::string value;  // what it claims: "running", "img-2.qcow2"
};

struct Explanation {
    std::string attribute;
    std::string value;                    // as in the status
    std::optional<ClaimView> decided_by;  // nothing: no claim, a default
    std::vector<ClaimView> overruled;     // newest first; those still in the registers
    std::vector<std::string> rules;       // the table rows that feed this attribute, in words
    std::string remark;                   // why the winner won
};

// kNotFound when there is no attribute of that name (for this type).
Result<Explanation> explain(const Registers& registers, std::string_view attribute,
                            std::span<const Child> children = {});

// What an event claims by itself: (attribute, value) pairs, "state" and "vm_state" among them. For
// listing the overruled claims of a register by a scan of the stored events.
std::vector<std::pair<std::string, std::string>> claims_of(std::uint32_t type,
                                                           const event::Event& event);

// What depends on now.
struct Sighting {
    std::string who;  // host name; of heartbeats: the reporter's source name, "VMSystem"
    std::int64_t at_us = 0;
    std::int64_t up_us = 0;  // how long it had been up by then; 0: it did not say
};
struct ViewInput {
    std::int64_t now_us = 0;
    std::int64_t grace_us = 120'000'000;
    std::int64_t heartbeat_period_us = 60'000'000;
    std::int64_t keepalive_us = 30'000'000;
    std::vector<Sighting> heartbeats;  // newest per reporter of this process
    std::vector<Sighting> loggers;     // newest sign of life per host that logs

    [[nodiscard]] std::int64_t silence_us() const { return 3 * keepalive_us; }
    // A logger that was seen last at this time or before is silent.
    [[nodiscard]] std::int64_t silent_at_us() const { return now_us - silence_us(); }
};

struct Disagreement {
    std::string name;  // lost, stray, zombie, silent, misplaced, split
    std::int64_t since_us = 0;
    std::string text;   // one sentence
    std::string stale;  // the party whose word may be out of date; else empty
};

struct View {
    std::vector<Disagreement> disagreements;  // past their grace time, by name
    std::vector<std::string> stale;           // hosts whose logger is silent
    std::optional<std::int64_t> next_due_us;  // when a disagreement appears by itself, if one will
    [[nodiscard]] nlohmann::ordered_json to_json() const;
};

// The host from which the manager of a machine spoke last; empty: nobody manages it. Valid as long
// as the registers.
std::string_view manager_host_of(const Registers& registers);
// The hosts that the registers of a machine know, by name, and its manager's: whose loggers matter
// for its view.
std::vector<std::string> hosts_of(const Registers& registers);

View view(const Registers& registers, const ViewInput& input);
// Who said what last: the newest claim of each source and host, as `why` shows it.
nlohmann::ordered_json evidence_of(const Registers& registers);

// Whether parties can disagree about processes of this type.
bool has_disagreements(std::uint32_t type);
// When the first disagreement of the claims alone, without any sighting, is or was older than the
// grace time. Nothing: they agree.
std::optional<std::int64_t> first_due(const Registers& registers);

}  // namespace lb::state
