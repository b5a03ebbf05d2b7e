// The JSON forms of answers (bkserver/query/JSON.md). Pure functions; a member that has nothing to
// say is absent.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "bkserver/state/engine.h"
#include "bkserver/store/store.h"
#include "common/base/result.h"
#include "common/event/accepted_event.h"
#include "lb/v1/envelope.pb.h"

namespace lb::query {

using Row = nlohmann::ordered_json;

// A row of a list, from the columns of the store.
Row list_row(const store::Process& process);

// kCorrupt, naming the event, when the stored bytes cannot be read.
Result<event::AcceptedEvent> open_event(const store::Event& stored);

// An event of a history, without the state after it.
Row event_row(const store::Event& stored, const event::AcceptedEvent& opened);

Row dead_letter_row(const store::DeadLetter& letter);
// With what is inside, as far as it can be read.
Row dead_letter_details(const store::DeadLetter& letter);

// The members that `view` adds to a status: nothing when all agree.
void add_view(Row& status, const state::View& view);

}  // namespace lb::query
