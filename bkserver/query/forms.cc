#include "bkserver/query/forms.h"

#include "bkserver/book/book.h"
#include "common/base/encoding.h"
#include "common/event/codec.h"
#include "common/event/envelope.h"
#include "common/event/event_id.h"
#include "common/event/identity.h"
#include "common/event/json.h"
#include "common/event/time_text.h"

namespace lb::query {

namespace {

// Of a dead letter whose bytes cannot be read: so much of them is shown.
constexpr std::size_t kShownBytesMax = 4096;

void add_text(Row& row, const char* name, std::string_view text) {
    if (!text.empty()) row[name] = text;
}

void add_time(Row& row, const char* name, std::int64_t time_us) {
    if (time_us != 0) row[name] = event::time_to_text(time_us);
}

void add_identity(Row& row, const char* name, const lb::v1::Identity& identity) {
    if (!identity.name().empty()) row[name] = event::identity_text(identity);
}

void add_acceptance(Row& row, const lb::v1::Envelope& envelope) {
    if (!envelope.has_acceptance()) return;
    const lb::v1::Acceptance& acceptance = envelope.acceptance();
    add_identity(row, "identity", acceptance.identity());
    add_text(row, "user", acceptance.identity().display());
    add_text(row, "accepted_on", acceptance.host());
    add_time(row, "accepted", acceptance.accepted_at_us());
}

// The members of event::event_to_json, in its order.
void add_event(Row& row, std::string_view subject, const event::Event& event) {
    const nlohmann::json members = event::event_to_json(subject, event);
    for (const auto& [name, value] : members.items()) row[name] = value;
}

}  // namespace

Row list_row(const store::Process& process) {
    Row row = Row::object();
    row["jobId"] = process.id;
    add_text(row, "jobtype", state::process_type_word(process.type));
    add_text(row, "state", process.state);
    add_text(row, "vm_state", process.vm_state);
    add_text(row, "owner", process.owner);
    add_text(row, "vm_phy_hostname", process.host);
    add_time(row, "stateEnterTime", process.entered_us);
    add_time(row, "lastUpdateTime", process.updated_us);
    if (process.is_adopted && process.registrant.empty()) row["adopted"] = true;
    if (process.not_understood) row["not_understood"] = true;
    return row;
}

Result<event::AcceptedEvent> open_event(const store::Event& stored) {
    auto opened = event::open_accepted(stored.envelope, stored.forwarder, stored.arrived_us);
    if (opened.ok()) return opened;
    return Error{ErrorCode::kCorrupt, "the stored event " +
                                          event::event_id_to_text(stored.event_id) +
                                          " cannot be read; `lbctl rebuild` will say the same"};
}

Row event_row(const store::Event& stored, const event::AcceptedEvent& opened) {
    Row row = Row::object();
    row["event_id"] = event::event_id_to_text(stored.event_id);
    add_event(row, opened.envelope.subject(), opened.event);
    row["verdict"] = book::verdict_word(stored.verdict);
    add_acceptance(row, opened.envelope);
    add_identity(row, "identity", opened.identity);
    add_identity(row, "forwarder", stored.forwarder);
    add_time(row, "arrived", stored.arrived_us);
    return row;
}

Row dead_letter_row(const store::DeadLetter& letter) {
    Row row = Row::object();
    row["number"] = letter.number;
    row["verdict"] = book::verdict_word(letter.verdict);
    row["reason"] = letter.reason;
    row["times"] = letter.times;
    add_identity(row, "forwarder", letter.forwarder);
    add_time(row, "arrived", letter.arrived_us);
    add_time(row, "replayed", letter.replayed_us);
    return row;
}

Row dead_letter_details(const store::DeadLetter& letter) {
    Row row = dead_letter_row(letter);
    row["bytes"] = letter.envelope.size();
    lb::v1::Envelope envelope;
    if (!envelope.ParseFromString(letter.envelope)) {
        row["hex"] = to_hex(std::string_view(letter.envelope).substr(0, kShownBytesMax));
        return row;
    }
    add_text(row, "subject", envelope.subject());
    if (envelope.event_id().size() == event::kEventIdBytes)
        row["event_id"] = event::event_id_to_text(envelope.event_id());
    add_acceptance(row, envelope);
    if (const auto decoded = event::decode(envelope.event()); decoded.ok())
        row["event"] = event::event_to_json(envelope.subject(), *decoded);
    else
        row["event_hex"] = to_hex(std::string_view(envelope.event()).substr(0, kShownBytesMax));
    return row;
}

void add_view(Row& status, const state::View& view) {
    if (view.disagreements.empty() && view.stale.empty()) return;
    Row shown = view.to_json();
    for (auto& [name, value] : shown.items())
        if (!value.empty()) status[name] = std::move(value);
}

}  // namespace lb::query
