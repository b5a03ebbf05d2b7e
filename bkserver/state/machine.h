// A machine: the tables of one process type and the function that turns its registers into a
// status. The registry below is the list of all of them; a new process type is one more line there.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "bkserver/state/draft.h"
#include "bkserver/state/registers.h"
#include "bkserver/state/row.h"
#include "common/event/order_key.h"

namespace lb::state {

// What decided a derived attribute, for explain().
struct Decision {
    const TrackClaim* claim = nullptr;  // nothing: a default
    std::string remark;
};

// Of each row and source the track keeps some claims of each group (retain.h).
enum class Groups : std::uint8_t {
    kNone,         // all are one group
    kByFirstText,  // kept text 0: a host
    kByAttempt,    // the attempt that the sequence code names
};

struct Machine {
    std::uint32_t type;     // lb.v1.ProcessType
    std::string_view word;  // "virtual_machine"
    std::span<const DataRow> data;
    std::span<const TrackRow> track;
    // Families and names of events that say nothing for this type, decided one by one.
    std::span<const std::string_view> ignored;
    // The attribute that shows the rows' own state word; empty if the type has none.
    std::string_view phase_attribute;
    Groups groups;
    void (*derive)(const Machine&, const Registers&, Draft&);
    Decision (*decide)(const Machine&, const Registers&, std::string_view attribute);
    // Of types that have children: adds to the draft of derive() what they tell. nullptr: it has
    // none.
    void (*count)(const Registers&, std::span<const Child>, Draft&) = nullptr;
    // The children move the state, too; else they are only counted.
    bool is_moved_by_children = false;
};

using Registry = std::span<const Machine* const>;
Registry machines();
const Machine* find_machine(Registry registry, std::uint32_t type);

// Rows that hold for every type: registration, tags, relations.
std::span<const DataRow> common_rows();
// Rows of the claims that a parent's registration makes on a child, in the form of this event.
std::span<const DataRow> embryo_rows();
event::Event embryo_event(const event::Event& registration, std::string_view parent);

// What a row can ask of an event.
struct Subject {
    const event::Event& event;
    const event::Arrival& arrival;
};
bool matches(const When& when, const Subject& subject);
bool takes(const DataRow& row, const Subject& subject);
// The first row that takes the event, or nullptr.
const TrackRow* find_row(std::span<const TrackRow> rows, const Subject& subject);
const TrackRow* find_row(std::span<const TrackRow> rows, std::uint16_t id);
// The text that a data row claims; empty: no claim.
std::string value_of(const Value& value, const Subject& subject);
// The name under which it is claimed, of registers kept per name.
std::string name_of(const Into& into, const Subject& subject);

// As the functions of engine.h, with a registry of the caller's (mutation tests, tables of
// tomorrow).
Outcome apply(Registry registry, Registers& registers, const event::Event& event,
              const event::Arrival& arrival);
Outcome apply_embryo(Registry registry, Registers& registers, const event::Event& registration,
                     const event::Arrival& arrival, std::string_view parent);
ProcessStatus derive(Registry registry, const Registers& registers, std::string_view process,
                     std::span<const Child> children = {});
nlohmann::ordered_json evidence_of(Registry registry, const Registers& registers);

}  // namespace lb::state
