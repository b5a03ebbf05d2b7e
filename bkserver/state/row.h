// The rows that state machines are written in. A data row says: this event, from these sources,
// under this condition, claims that value for that register. A track row says: it moves the process
// there. No row reads the current state; no row knows the order of arrival.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "bkserver/state/attributes.h"
#include "bkserver/state/engine.h"
#include "common/base/limits.h"
#include "common/event/generated_table.h"
#include "common/event/table.h"

namespace lb::state {

// ---- which events: type, source, condition

// Of data rows: an event of any type.
inline constexpr event::EventType kEveryEvent{};

// A set of sources, one bit each.
using Sources = std::uint32_t;
constexpr Sources from(event::Source source) {
    return 1U << static_cast<unsigned>(source);
}
template <typename... More>
constexpr Sources from(event::Source source, More... more) {
    return from(source) | from(more...);
}
inline constexpr Sources kAny = ~0U;

// A test of one field. Enum values compare without regard to case. Beside the fields of the event
// there are: "resync" (true or empty), "SRC" (the letter in a Condor code), and for names
// "event_id", "user" (who logged it) and "access_entry" (access.h).
struct Test {
    std::string_view field;
    bool is_equal = true;
    std::string_view value;

    bool operator==(const Test&) const = default;
};
constexpr Test is(std::string_view field, std::string_view value) {
    return {field, true, value};
}
constexpr Test is_not(std::string_view field, std::string_view value) {
    return {field, false, value};
}
inline constexpr Test kResync = is("resync", "true");

// All tests must hold.
using When = std::array<Test, 3>;
inline constexpr When kAlways = {};

// ---- what they claim

// Where a claim's value comes from.
struct Value {
    enum class Kind : std::uint8_t {
        kField,         // the field `text`; empty makes no claim, or `fallback` if there is one
        kFixed,         // `text`
        kUser,          // who logged it, proven; of imports the identity that the event states
        kOwner,         // of a registration: whom it is for (owner_of_registration)
        kInstance,      // the source's instance
        kHostInstance,  // "host:instance"
        kEventTime,
        kPbsLetter,  // newstate 0..6 as T Q H W R E C
        kFqans,      // of who logged it, one a line
        kAddress,    // "mac=...,hostname=..." of a network address, "-" without them
    };
    Kind kind = Kind::kField;
    std::string_view text;
    std::string_view fallback;

    bool operator==(const Value&) const = default;
};
constexpr Value field(std::string_view name, std::string_view fallback = {}) {
    return {Value::Kind::kField, name, fallback};
}
constexpr Value fixed(std::string_view text) {
    return {Value::Kind::kFixed, text, {}};
}
constexpr Value computed(Value::Kind kind) {
    return {kind, {}, {}};
}

// The register, and for registers kept per name the field that holds the name (`or_name` if that is
// empty; "event_id" is the event's own).
struct Into {
    Attr attribute;
    std::string_view name = {};
    std::string_view or_name = {};
};

struct DataRow {
    event::EventType event;
    Sources sources;
    When when;
    Into into;
    Merge merge;  // as in kAttributes, repeated so that a row can be read alone
    Value value;
};

// A text kept with a claim of the track, cut at limits::kTrackTextBytesMax.
struct Keep {
    enum class Else : std::uint8_t { kNothing, kEnvelopeHost };
    std::string_view field;
    Else otherwise = Else::kNothing;
    bool is_host = false;      // kept in lower case
    bool is_document = false;  // may be longer: limits::kTrackDocumentBytesMax
    // "who/host/instance": `field` says who, if empty the event's source; these say where, if empty
    // the event's host and instance.
    bool is_place = false;
    std::string_view host_field;
    std::string_view instance_field;

    bool operator==(const Keep&) const = default;
};
constexpr Keep keep(std::string_view field) {
    return {field, Keep::Else::kNothing, false, false, false, {}, {}};
}
constexpr Keep keep_document(std::string_view field) {
    return {field, Keep::Else::kNothing, false, true, false, {}, {}};
}
// The host that the field names.
constexpr Keep host_in(std::string_view field) {
    return {field, Keep::Else::kNothing, true, false, false, {}, {}};
}
// The host that the field names, else the one that the event comes from.
constexpr Keep host_of(std::string_view field) {
    return {field, Keep::Else::kEnvelopeHost, true, false, false, {}, {}};
}
// Who has it now: as the fields say, or whoever logs the event.
constexpr Keep place_in(std::string_view who, std::string_view host, std::string_view instance) {
    return {who, Keep::Else::kNothing, false, false, true, host, instance};
}
constexpr Keep place_here(std::string_view who = {}) {
    return {who, Keep::Else::kNothing, false, false, true, {}, {}};
}
using Kept = std::array<Keep, 3>;

struct TrackRow {
    std::uint16_t id;  // stored with each claim: never reuse one
    event::EventType event;
    Sources sources;
    When when;
    MainState to;            // kUndefined: counts, but moves nothing
    std::string_view phase;  // the type's own state word: "really-running"
    std::uint32_t role;      // what the claim means to the machine's derive function
    Kept kept = {};
    // So many of the newest claims stay of each group (retain.h).
    std::size_t newest_kept = limits::kTrackNewestPerGroup;
};

// Rows with these ids are the engine's own.
// An event without a row: its time counts for lastUpdateTime; of a grid job its sequence code,
// which may begin a later life (state-model 5.1, step 2).
inline constexpr std::uint16_t kTouchRow = 1;
inline constexpr std::uint16_t kFirstRowId = 10;
// Role of a row whose event leaves nothing at all, not even a touch.
inline constexpr std::uint32_t kNothing = 0xffffffffU;

// ---- checks when the tables are compiled

constexpr bool is_pseudo_field(std::string_view name) {
    return name == "resync" || name == "SRC" || name == "event_id" || name == "user" ||
           name == "access_entry";
}

// Loops instead of comparing find_field() with nullptr: g++ 12 takes that for no constant when the
// undefined-behaviour sanitizer looks at pointers.
constexpr bool has_field(event::EventType type, std::string_view name) {
    if (name.empty() || is_pseudo_field(name)) return true;
    for (const event::TypeInfo& info : event::generated::kTypes) {
        if (info.code != static_cast<std::uint16_t>(type)) continue;
        for (const event::FieldInfo& field : info.fields)
            if (field.name == name) return true;
    }
    return false;
}

constexpr bool has_value(event::EventType type, const Test& test) {
    if (test.value.empty()) return true;
    for (const event::TypeInfo& info : event::generated::kTypes) {
        if (info.code != static_cast<std::uint16_t>(type)) continue;
        for (const event::FieldInfo& field : info.fields) {
            if (field.name != test.field) continue;
            if (field.kind != event::FieldKind::kEnum) return true;
            for (const event::EnumValue& value : field.values)
                if (value.name == test.value) return true;
            return false;
        }
        return true;
    }
    return true;
}

constexpr bool condition_is_sound(event::EventType type, const When& when) {
    for (const Test& test : when)
        if (!has_field(type, test.field) || !has_value(type, test)) return false;
    return true;
}

// Each data row names fields that its event has, and the merge rule of its register.
consteval bool rows_are_sound(std::span<const DataRow> rows) {
    for (const DataRow& row : rows) {
        const bool named = is_named(row.merge);
        if (!condition_is_sound(row.event, row.when)) return false;
        if (row.value.kind == Value::Kind::kField && !has_field(row.event, row.value.text))
            return false;
        if (!has_field(row.event, row.into.name) || !has_field(row.event, row.into.or_name))
            return false;
        if (row.merge != row.into.attribute.info().merge || named != !row.into.name.empty())
            return false;
    }
    return true;
}

constexpr bool implies(const When& stronger, const When& weaker) {
    for (const Test& test : weaker) {
        bool found = test.field.empty();
        for (const Test& other : stronger) found = found || other == test;
        if (!found) return false;
    }
    return true;
}

// The earlier row takes every event that the later one would.
constexpr bool shadows(const TrackRow& earlier, const TrackRow& later) {
    return earlier.event == later.event && (later.sources & ~earlier.sources) == 0 &&
           implies(later.when, earlier.when);
}

// Each track row names fields that its event has, has an id of its own, and can be reached.
consteval bool rows_are_sound(std::span<const TrackRow> rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const TrackRow& row = rows[i];
        if (row.id < kFirstRowId || !condition_is_sound(row.event, row.when)) return false;
        for (const Keep& kept : row.kept)
            if (!has_field(row.event, kept.field) || !has_field(row.event, kept.host_field) ||
                !has_field(row.event, kept.instance_field))
                return false;
        for (std::size_t j = 0; j < i; ++j)
            if (rows[j].id == row.id || shadows(rows[j], row)) return false;
    }
    return true;
}

}  // namespace lb::state
