// Which rows take an event, and what text a row takes from it.
#include <string>

#include "bkserver/state/access.h"
#include "bkserver/state/machine.h"
#include "common/base/ascii.h"
#include "common/event/event_id.h"
#include "common/event/identity.h"
#include "common/event/seqcode.h"

namespace lb::state {
namespace {

// Who logged it, proven; of imports the identity that the event states.
std::string user_of(const Subject& subject) {
    return std::string(subject.arrival.identity.empty() ? subject.event.user
                                                        : subject.arrival.identity);
}

std::string text_of(std::string_view name, const Subject& subject) {
    if (name == "resync") return subject.event.is_resync ? "true" : "";
    if (name == "user") return user_of(subject);
    if (name == "access_entry") return access_entry_name(subject.event);
    if (name == "event_id") return event::event_id_to_text(subject.arrival.event_id);
    if (name == "SRC") {
        const auto code = event::parse_condor_code(subject.event.sequence_code);
        return code ? std::string(1, code->source) : std::string();
    }
    return std::string(subject.event.text(name));
}

// The letter of Torque's state number, as qstat shows it.
std::string pbs_letter(std::string_view number) {
    constexpr std::string_view kLetters = "TQHWREC";
    if (number.size() != 1 || number[0] < '0' || number[0] > '6') return {};
    return std::string(1, kLetters[static_cast<std::size_t>(number[0] - '0')]);
}

// What is known of an address beside its name: pairs as Shape::kPairs reads them.
std::string address(const event::Event& event) {
    std::string text;
    for (const std::string_view name : {"mac", "hostname"}) {
        const std::string_view value = event.text(name);
        if (value.empty()) continue;
        if (!text.empty()) text += ',';
        text.append(name).append("=").append(value);
    }
    return text.empty() ? "-" : text;
}

// Sources' letters in Condor codes differ by case, all else does not.
bool holds(const Test& test, const Subject& subject) {
    const std::string text = text_of(test.field, subject);
    const bool equal =
        test.field == "SRC" ? text == test.value : equal_ignoring_case(text, test.value);
    return equal == test.is_equal;
}

bool takes(Sources sources, event::EventType type, const When& when, const Subject& subject) {
    const bool is_type =
        type == kEveryEvent || static_cast<std::uint16_t>(type) == subject.event.type;
    return is_type && (sources & from(subject.event.source)) != 0 && matches(when, subject);
}

}  // namespace

bool matches(const When& when, const Subject& subject) {
    for (const Test& test : when)
        if (!test.field.empty() && !holds(test, subject)) return false;
    return true;
}

bool takes(const DataRow& row, const Subject& subject) {
    return takes(row.sources, row.event, row.when, subject);
}

const TrackRow* find_row(std::span<const TrackRow> rows, const Subject& subject) {
    for (const TrackRow& row : rows)
        if (takes(row.sources, row.event, row.when, subject)) return &row;
    return nullptr;
}

const TrackRow* find_row(std::span<const TrackRow> rows, std::uint16_t id) {
    for (const TrackRow& row : rows)
        if (row.id == id) return &row;
    return nullptr;
}

std::string value_of(const Value& value, const Subject& subject) {
    switch (value.kind) {
        case Value::Kind::kField: {
            std::string text = text_of(value.text, subject);
            return text.empty() ? std::string(value.fallback) : text;
        }
        case Value::Kind::kFixed:
            return std::string(value.text);
        case Value::Kind::kUser:
            return user_of(subject);
        case Value::Kind::kOwner:
            return event::owner_of_registration(subject.event.user, user_of(subject));
        case Value::Kind::kInstance:
            return subject.event.source_instance;
        case Value::Kind::kHostInstance:
            return subject.event.host + ":" + subject.event.source_instance;
        case Value::Kind::kEventTime:
            return std::to_string(subject.event.time_us);
        case Value::Kind::kPbsLetter:
            return pbs_letter(subject.event.text("newstate"));
        case Value::Kind::kFqans:
            return std::string(subject.arrival.fqans);
        case Value::Kind::kAddress:
            return address(subject.event);
    }
    return {};
}

std::string name_of(const Into& into, const Subject& subject) {
    std::string name = text_of(into.name, subject);
    return name.empty() && !into.or_name.empty() ? text_of(into.or_name, subject) : name;
}

}  // namespace lb::state
