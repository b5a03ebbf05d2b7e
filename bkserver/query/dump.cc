#include "bkserver/query/dump.h"

#include <charconv>

#include "bkserver/query/forms.h"
#include "common/event/event_id.h"
#include "common/event/identity.h"
#include "common/event/ulm.h"

namespace lb::query {

namespace {

std::string remark(const store::Event& stored, const std::string& why) {
    return "# not written: event " + event::event_id_to_text(stored.event_id) + ": " + why;
}

std::string line_of(const store::Event& stored) {
    auto opened = open_event(stored);
    if (!opened.ok()) return remark(stored, opened.error().text);
    if (event::find_type(opened->event.type) == nullptr)
        return remark(stored,
                      "its type " + std::to_string(stored.type) + " is newer than this server");
    event::UlmEvent line;
    line.subject = opened->envelope.subject();
    line.event = std::move(opened->event);
    const lb::v1::Acceptance& acceptance = opened->envelope.acceptance();
    line.stamp = {acceptance.origin(), acceptance.counter(), acceptance.accepted_at_us()};
    line.groups.assign(opened->identity.groups().begin(), opened->identity.groups().end());
    // An import is written as it was read, so that its id is derived from the same line again.
    if (opened->identity.kind() != lb::v1::IDENTITY_KIND_IMPORT) {
        line.arrived_us = stored.arrived_us;
        line.event_id = stored.event_id;
        line.identity = event::identity_text(opened->identity);
        return event::write_ulm(line);
    }
    if (acceptance.stated_arrival_us() != 0) line.arrived_us = acceptance.stated_arrival_us();
    if (stored.event_id != event::event_id_of_import(line.subject, opened->envelope.event())) {
        line.event_id = stored.event_id;
        line.identity = opened->identity.name();
    }
    return event::write_ulm(line);
}

}  // namespace

Result<std::string> dump_arrivals(store::Reader& reader, const DumpPage& page,
                                  const OnLine& on_line) {
    store::ArrivalNumber after = 0;
    const char* const end = page.cursor.data() + page.cursor.size();
    if (!page.cursor.empty() && std::from_chars(page.cursor.data(), end, after).ptr != end)
        return Error{ErrorCode::kReject,
                     "the cursor is none that this server gave; ask again without one"};
    LB_TRY_ASSIGN(const auto events,
                  reader.read_arrivals(after, page.from_us, page.to_us, page.limit));
    for (const store::Event& event : events) on_line(line_of(event));
    return events.size() < page.limit ? std::string() : std::to_string(events.back().arrival);
}

Result<std::string> dump_process(store::Reader& reader, store::ProcessNumber process,
                                 const DumpPage& page, const OnLine& on_line) {
    LB_TRY_ASSIGN(const auto history, reader.read_history(process, page.cursor, page.limit));
    for (const store::Event& event : history.events)
        if (event.arrived_us >= page.from_us && event.arrived_us < page.to_us)
            on_line(line_of(event));
    return history.cursor;
}

}  // namespace lb::query
