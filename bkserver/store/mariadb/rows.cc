#include "bkserver/store/mariadb/rows.h"

#include <algorithm>

#include "bkserver/store/body_codec.h"
#include "common/event/accepted_event.h"
#include "common/event/order_key.h"

namespace lb::store::mariadb {

namespace {

std::uint32_t small(const Found& found, std::size_t row, std::size_t column) {
    return static_cast<std::uint32_t>(found.number(row, column));
}

Result<std::string> subject_text(const Found& found, std::size_t row, std::size_t scope_column,
                                 Dictionary& dictionary) {
    LB_TRY_ASSIGN(std::string text, dictionary.text_of(small(found, row, scope_column)));
    text += found.bytes(row, scope_column + 1);
    return text;
}

Result<Event> event_without_key(const Found& found, std::size_t row, Dictionary& dictionary) {
    Event event;
    event.arrival = found.number(row, 0);
    event.subject = small(found, row, 1);
    event.event_id = found.bytes(row, 2);
    event.type = static_cast<std::uint16_t>(found.number(row, 4));
    event.verdict = static_cast<lb::v1::Verdict>(found.number(row, 5));
    LB_TRY_ASSIGN(event.forwarder, identity_of(small(found, row, 6), dictionary));
    event.arrived_us = found.signed_number(row, 8);
    Body body = {
        static_cast<BodyFormat>(found.number(row, 9)), {}, std::string(found.bytes(row, 10))};
    LB_TRY_ASSIGN(body.stamp, dictionary.text_of(small(found, row, 7)));
    LB_TRY_ASSIGN(const std::string subject, subject_text(found, row, 11, dictionary));
    LB_TRY_ASSIGN(event.envelope, decode_body(body, {event.event_id, subject}));
    return event;
}

// What the key of a stored event has behind its clock and time; the same whatever the clock is.
Result<std::string> order_tail(const Event& event) {
    LB_TRY_ASSIGN(const event::AcceptedEvent accepted,
                  event::open_accepted(event.envelope, event.forwarder, event.arrived_us));
    const std::string key =
        event::order_key(accepted.event, accepted.arrival(), event::ClockFamily::kNone);
    return key.substr(key.size() - kOrderTailBytes);
}

}  // namespace

std::int64_t time_of_order_key(std::string_view key) {
    // Times before 1970 sort first: the sign bit is turned over.
    constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63;
    constexpr std::size_t kTimeBytes = sizeof(std::uint64_t);
    if (key.size() < kTimeBytes + kOrderTailBytes) return 0;
    std::uint64_t time = 0;
    for (const char byte : key.substr(key.size() - kOrderTailBytes - kTimeBytes, kTimeBytes))
        time = time << 8 | static_cast<unsigned char>(byte);
    return static_cast<std::int64_t>(time ^ kSignBit);
}

std::string select_processes(bool with_registers) {
    std::string sql = "SELECT ";
    sql.append(kProcessColumns);
    if (with_registers) sql.append(kRegistersColumns);
    return sql.append(" FROM process p JOIN subject s ON s.number = p.number ");
}

std::pair<std::string_view, std::string_view> split_subject(std::string_view text) {
    const std::size_t authority = text.find("://");
    const std::size_t slash =
        text.find('/', authority == std::string_view::npos ? 0 : authority + 3);
    if (slash == std::string_view::npos) return {std::string_view{}, text};
    return {text.substr(0, slash + 1), text.substr(slash + 1)};
}

Result<Subject> subject_at(const Found& found, std::size_t row, Dictionary& dictionary) {
    LB_TRY_ASSIGN(std::string text, subject_text(found, row, 1, dictionary));
    return Subject{small(found, row, 0), std::move(text), small(found, row, 3)};
}

Result<Process> process_at(const Found& found, std::size_t row, Dictionary& dictionary,
                           bool with_registers) {
    Process process;
    process.number = small(found, row, 0);
    process.merged_into = small(found, row, 1);
    process.revision = small(found, row, 2);
    process.type = static_cast<std::uint16_t>(found.number(row, 3));
    process.is_adopted = (found.number(row, 4) & kFlagAdopted) != 0;
    process.not_understood = (found.number(row, 4) & kFlagNotUnderstood) != 0;
    process.has_access_list = (found.number(row, 4) & kFlagAccessList) != 0;
    process.has_heartbeats = (found.number(row, 4) & kFlagHeartbeats) != 0;
    process.rules_version = small(found, row, 5);
    process.waiting = small(found, row, 6);
    LB_TRY_ASSIGN(process.registrant, dictionary.text_of(small(found, row, 7)));
    LB_TRY_ASSIGN(process.state, dictionary.text_of(small(found, row, 8)));
    LB_TRY_ASSIGN(process.vm_state, dictionary.text_of(small(found, row, 9)));
    LB_TRY_ASSIGN(process.owner, dictionary.text_of(small(found, row, 10)));
    LB_TRY_ASSIGN(process.host, dictionary.text_of(small(found, row, 11)));
    process.entered_us = found.signed_number(row, 12);
    process.updated_us = found.signed_number(row, 13);
    LB_TRY_ASSIGN(process.id, subject_text(found, row, 14, dictionary));
    if (!with_registers) return process;
    const PackedRegisters packed = {static_cast<RegistersFormat>(found.number(row, 16)),
                                    std::string(found.bytes(row, 17))};
    auto registers = unpack_registers(packed);
    if (registers.ok())
        process.registers = *std::move(registers);
    else if (registers.error().code != ErrorCode::kCorrupt)
        return registers.error();
    return process;
}

Result<lb::v1::Identity> identity_of(std::uint32_t number, Dictionary& dictionary) {
    lb::v1::Identity identity;
    LB_TRY_ASSIGN(const std::string bytes, dictionary.text_of(number));
    if (!identity.ParseFromString(bytes))
        return Error{ErrorCode::kCorrupt,
                     "dictionary number " + std::to_string(number) + " is no identity"};
    return identity;
}

Result<Event> event_at(const Found& found, std::size_t row, Dictionary& dictionary) {
    LB_TRY_ASSIGN(Event event, event_without_key(found, row, dictionary));
    LB_TRY_ASSIGN(const std::string tail, order_tail(event));
    event.order_key = std::string(found.bytes(row, 3)) + tail;
    return event;
}

Result<FoundEvent> found_event_at(const Found& found, std::size_t row, Dictionary& dictionary) {
    LB_TRY_ASSIGN(Event event, event_without_key(found, row, dictionary));
    return FoundEvent{std::move(event), small(found, row, 13), found.signed_number(row, 14)};
}

Result<std::vector<Subject>> select_subjects_of(Connection& connection, Dictionary& dictionary,
                                                ProcessNumber process) {
    const Value value = std::uint64_t{process};
    LB_TRY_ASSIGN(const Found found, connection.query(std::string(kSelectSubjects) +
                                                          "WHERE s.process = ? ORDER BY s.number",
                                                      std::span(&value, 1)));
    std::vector<Subject> subjects;
    for (std::size_t row = 0; row < found.count(); ++row) {
        LB_TRY_ASSIGN(Subject subject, subject_at(found, row, dictionary));
        subjects.push_back(std::move(subject));
    }
    // The id, whose number is the process's own, comes first.
    std::stable_partition(subjects.begin(), subjects.end(),
                          [&](const Subject& subject) { return subject.number == process; });
    return subjects;
}

Result<EventPage> select_events(Connection& connection, Dictionary& dictionary,
                                SubjectNumber subject, const Position& after, std::uint32_t limit) {
    const Value values[] = {std::uint64_t{subject}, std::string_view(after.order_prefix),
                            std::string_view(after.order_prefix), after.arrival,
                            std::uint64_t{limit}};
    LB_TRY_ASSIGN(const Found found,
                  connection.query(std::string(kSelectEvents) +
                                       "WHERE e.subject = ? AND e.order_prefix >= ? AND "
                                       "(e.order_prefix > ? OR e.arrival > ?) "
                                       "ORDER BY e.order_prefix, e.arrival LIMIT ?",
                                   values));
    EventPage page;
    for (std::size_t row = 0; row < found.count(); ++row) {
        LB_TRY_ASSIGN(Event event, event_at(found, row, dictionary));
        page.events.push_back(std::move(event));
    }
    if (found.count() == limit) {
        const std::size_t last = found.count() - 1;
        page.next = Position{std::string(found.bytes(last, 3)), found.number(last, 0)};
    }
    return page;
}

}  // namespace lb::store::mariadb
