#include "bkserver/query/timeline.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "bkserver/query/replay.h"
#include "common/event/event_id.h"
#include "common/event/field_text.h"
#include "common/event/identity.h"
#include "common/event/order_key.h"
#include "common/event/time_text.h"

namespace lb::query {

namespace {

// Overruled events that an explanation lists.
constexpr std::size_t kOverruledMax = 50;

Error too_long() {
    return {ErrorCode::kFull, "the history is longer than this server reads (100,000 events)"};
}

Row claim_row(const state::ClaimView& claim) {
    Row row = Row::object();
    row["value"] = claim.value;
    if (!claim.event.empty()) row["type"] = claim.event;
    row["time"] = event::time_to_text(claim.time_us);
    row["source"] = event::text_of(claim.source);
    if (!claim.host.empty()) row["host"] = claim.host;
    row["event_id"] = event::event_id_to_text(claim.event_id);
    return row;
}

Row event_claim_row(const store::Event& stored, const event::AcceptedEvent& opened,
                    std::string_view value) {
    Row row = Row::object();
    row["value"] = value;
    const event::TypeInfo* type = event::find_type(opened.event.type);
    if (type != nullptr) row["type"] = type->name;
    row["time"] = event::time_to_text(opened.event.time_us);
    row["source"] = event::text_of(opened.event.source);
    row["host"] = opened.event.host;
    row["identity"] = event::identity_text(opened.identity);
    row["event_id"] = event::event_id_to_text(stored.event_id);
    return row;
}

std::optional<std::string> claimed_value(std::uint32_t type, const event::AcceptedEvent& opened,
                                         std::string_view attribute) {
    for (auto& [name, value] : state::claims_of(type, opened.event))
        if (name == attribute) return std::move(value);
    return std::nullopt;
}

// Of memory, about.
std::size_t bytes_of(const std::string& cursor, const std::string& registers) {
    constexpr std::size_t kEntryBytes = 256;
    return kEntryBytes + 2 * cursor.size() + registers.size();
}

Result<std::optional<book::Embryo>> plan_of(store::Reader& reader, const store::Process& process) {
    const auto counts = [](const store::Event&, const event::AcceptedEvent&) { return true; };
    return Plans(reader, counts).plan_of(process);
}

Row event_row_after(const store::Event& stored, const event::AcceptedEvent& opened,
                    const state::Registers& registers, const std::string& process) {
    Row row = event_row(stored, opened);
    const state::ProcessStatus after = state::derive_state(registers, process);
    row["state"] = state::to_string(after.state);
    if (!after.vm_state.empty()) row["vm_state"] = after.vm_state;
    return row;
}

// Collects what the stored events say about one attribute.
struct Evidence {
    std::optional<Row> decided_by;
    std::vector<Row> overruled;  // oldest first
};

Result<Evidence> gather(store::Reader& reader, const store::Process& process,
                        const state::Explanation& explanation, bool& is_whole) {
    Evidence evidence;
    const auto visit = [&](const store::Event& stored, const event::AcceptedEvent& opened) {
        const bool decides =
            explanation.decided_by && stored.event_id == explanation.decided_by->event_id;
        const auto value = claimed_value(process.type, opened, explanation.attribute);
        if (decides)
            evidence.decided_by = event_claim_row(stored, opened, explanation.decided_by->value);
        else if (value)
            evidence.overruled.push_back(event_claim_row(stored, opened, *value));
        return true;
    };
    LB_TRY_ASSIGN(is_whole, scan_events(reader, process.number, visit));
    return evidence;
}

}  // namespace

Timelines::Timelines(std::size_t bytes_max)
    : halts_(SIZE_MAX, bytes_max),
      replayed_(metrics::Registry::global().counter(
          "lb_query_history_replayed_events_total",
          "Events that a page of a history folded anew: where the page before ended was not "
          "known, or not true, any more.")) {}

std::optional<Timelines::Halt> Timelines::find(const std::string& cursor) {
    const std::lock_guard lock(mutex_);
    auto halt = halts_.take(cursor);
    if (halt) halts_.put(cursor, *halt, bytes_of(cursor, halt->registers));
    return halt;
}

void Timelines::keep(const std::string& cursor, Halt halt) {
    const std::lock_guard lock(mutex_);
    const std::size_t bytes = bytes_of(cursor, halt.registers);
    halts_.put(cursor, std::move(halt), bytes);
}

Result<std::string> Timelines::write(store::Reader& reader, const store::Process& process,
                                     const TimelinePage& page,
                                     const std::function<void(const Row&)>& on_row) {
    LB_TRY_ASSIGN(auto embryo, plan_of(reader, process));
    Halt halt = {.process = process.number,
                 .revision = process.revision,
                 .plan = embryo ? embryo->arrival : 0};
    ScanFrom from;
    from.page = std::min(from.page, page.limit + 1);
    state::Registers registers;
    const auto before = page.cursor.empty() ? std::nullopt : find(page.cursor);
    const bool goes_on = before && before->is_of(halt);
    if (goes_on) {
        LB_TRY_ASSIGN(registers, state::Registers::decode(before->registers));
        from.after = page.cursor;
        from.count = halt.events = before->events;
    }
    Replay replay = goes_on ? Replay(std::move(registers), std::move(embryo))
                            : Replay(process.type, std::move(embryo));
    std::uint32_t shown = 0;
    std::string last;
    bool is_cut = false;
    const auto visit = [&](const store::Event& stored, const event::AcceptedEvent& opened) {
        if (shown == page.limit) {
            is_cut = true;
            return false;
        }
        replay.apply(opened);
        ++halt.events;
        if (stored.order_key <= page.cursor) {
            replayed_.add();
            return true;
        }
        on_row(event_row_after(stored, opened, replay.registers(), process.id));
        last = stored.order_key;
        ++shown;
        return true;
    };
    LB_TRY_ASSIGN(const bool is_whole, scan_events(reader, process.number, visit, from));
    if (!is_whole) return too_long();
    if (!is_cut) return std::string();
    if (replay.is_all_in_registers()) {
        halt.registers = replay.registers().encode();
        keep(last, std::move(halt));
    }
    return last;
}

Result<Row> explanation_row(store::Reader& reader, const store::Process& process,
                            const state::Explanation& explanation) {
    bool is_whole = true;
    LB_TRY_ASSIGN(Evidence evidence, gather(reader, process, explanation, is_whole));
    Row row = Row::object();
    row["process"] = process.id;
    row["attribute"] = explanation.attribute;
    row["value"] = explanation.value;
    if (evidence.decided_by)
        row["decided_by"] = *evidence.decided_by;
    else if (explanation.decided_by)
        row["decided_by"] = claim_row(*explanation.decided_by);
    if (!explanation.remark.empty()) row["remark"] = explanation.remark;
    Row overruled = Row::array();
    if (evidence.overruled.empty())
        for (const state::ClaimView& claim : explanation.overruled)
            overruled.push_back(claim_row(claim));
    const std::size_t count = std::min(evidence.overruled.size(), kOverruledMax);
    for (std::size_t i = 0; i < count; ++i)
        overruled.push_back(evidence.overruled[evidence.overruled.size() - 1 - i]);
    if (!overruled.empty()) row["overruled"] = overruled;
    if (!is_whole || count < evidence.overruled.size()) row["truncated"] = true;
    if (!explanation.rules.empty()) row["rules"] = explanation.rules;
    return row;
}

}  // namespace lb::query
