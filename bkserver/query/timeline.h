// What needs the stored events of a process and not its registers alone: the history with the state
// after each event, and the events behind an explanation.
#pragma once

#include <functional>
#include <string>

#include "bkserver/query/forms.h"
#include "bkserver/state/engine.h"
#include "bkserver/store/store.h"

namespace lb::query {

struct TimelinePage {
    std::string cursor;  // order key of the last event that was shown; empty: from the start
    std::uint32_t limit = 0;
};

// Events in the order of their keys, each with "state" and "vm_state" as they are after it. The
// states are folded from the first event on, whatever the page. Returns the cursor of the next
// page; empty at the end.
Result<std::string> write_timeline(store::Reader& reader, const store::Process& process,
                                   const TimelinePage& page,
                                   const std::function<void(const Row&)>& on_row);

// The explanation with the events that made its claims: who logged them, when, from where.
Result<Row> explanation_row(store::Reader& reader, const store::Process& process,
                            const state::Explanation& explanation);

}  // namespace lb::query
