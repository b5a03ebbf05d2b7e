// What the store can select by: clauses over columns, joined in postfix order. The store turns them
// into a prepared statement; it knows nothing of the language of queries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace lb::store {

enum class Column : std::uint8_t {
    // of processes; in selections of events: of the process that answers for the event
    kProcessNumber,
    kName,    // any of its names: its id or a key
    kParent,  // any name of a process that it is a child or member of; "": there is none
    kChild,   // any name of a child or member of it; "": there is none
    kCloud,   // of the first of its keys that a cloud gave, "type:scope"; "": there is none
    kType,
    kState,
    kVmState,
    kOwner,
    kHost,
    kEntered,
    kUpdated,
    kAdopted,     // 1: adopted and not registered
    kRegistrant,  // identity of the first accepted registration; "": nobody
    kAccessList,  // 1: it gives rights to others than its owner
    // of events
    kEventType,
    kEventTime,  // that counts for order
    kEventArrived,
    kEventVerdict,
};

enum class Match : std::uint8_t {
    kOneOf,    // of texts (columns that hold texts) or of numbers (all others)
    kPattern,  // texts[0]: '*' any text, '?' one byte
    kAtLeast,  // numbers[0]
    kAtMost,
};

struct Clause {
    Column column;
    Match match = Match::kOneOf;
    std::vector<std::string> texts{};
    std::vector<std::int64_t> numbers{};
};

struct Filter {
    enum class Step : std::uint8_t { kClause, kNot, kAnd, kOr };

    // What all of these, or any, hold for; without a clause everything.
    static Filter all_of(std::vector<Clause> clauses);
    static Filter any_of(std::vector<Clause> clauses);
    // What both hold for.
    Filter& narrow(Filter other);

    std::vector<Clause> clauses{};  // in the order in which the steps name them
    std::vector<Step> steps{};      // none: everything
};

// True of columns that hold texts: their clauses give texts.
constexpr bool holds_text(Column column) {
    return column == Column::kName || column == Column::kParent || column == Column::kChild ||
           column == Column::kCloud || column == Column::kState || column == Column::kVmState ||
           column == Column::kOwner || column == Column::kHost || column == Column::kRegistrant;
}

// By what processes are sorted; among equals by the order in which they were founded.
enum class ProcessOrder : std::uint8_t { kFounded, kEntered, kUpdated };

// Where a page begins: behind this row.
struct Place {
    std::int64_t value = 0;    // of the column that is sorted by; 0 of kFounded
    std::uint64_t number = 0;  // of the process, or the arrival number of the event
};

}  // namespace lb::store
