// Rows of the tables as values of store.h, for Reader and Writer alike.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bkserver/store/mariadb/connection.h"
#include "bkserver/store/mariadb/dictionary.h"
#include "bkserver/store/store.h"
#include "common/event/order_key.h"

namespace lb::store::mariadb {

// The last part of an order key. Events of one process hardly ever differ in it alone, so the index
// does without; it is computed from the body (README.md).
using event::kOrderTailBytes;

// The order time inside an order key; 0 when it is too short to be one.
std::int64_t time_of_order_key(std::string_view key);

// "https://host:port/" and "unique", "type:scope/" and "value".
std::pair<std::string_view, std::string_view> split_subject(std::string_view text);

// What process_at() reads first of each row, and behind it when it reads registers.
inline constexpr std::string_view kProcessColumns =
    "p.number, p.merged_into, p.revision, p.type, p.flags, p.rules_version, p.waiting, "
    "p.registrant, p.state, p.vm_state, p.owner, p.host, p.entered_us, p.updated_us, s.scope, "
    "s.name";
inline constexpr std::string_view kRegistersColumns = ", p.registers_format, p.registers";
// "SELECT ... FROM process p ... "; lists show no registers.
std::string select_processes(bool with_registers);

// Begins of selects whose columns subject_at(), event_at() and found_event_at() read.
inline constexpr std::string_view kSelectSubjects =
    "SELECT s.number, s.scope, s.name, s.process FROM subject s ";
inline constexpr std::string_view kSelectEvents =
    "SELECT e.arrival, e.subject, e.event_id, e.order_prefix, e.type, e.verdict, e.forwarder, "
    "e.stamp, e.arrived_us, e.body_format, e.body, s.scope, s.name FROM event e "
    "JOIN subject s ON s.number = e.subject ";
// The same with two more columns: the process that answers for it and the time for order.
inline constexpr std::string_view kSelectFoundEvents =
    "SELECT e.arrival, e.subject, e.event_id, e.order_prefix, e.type, e.verdict, e.forwarder, "
    "e.stamp, e.arrived_us, e.body_format, e.body, s.scope, s.name, s.process, e.time_us "
    "FROM event e JOIN subject s ON s.number = e.subject JOIN process p ON p.number = s.process ";

Result<Subject> subject_at(const Found& found, std::size_t row, Dictionary& dictionary);
Result<Process> process_at(const Found& found, std::size_t row, Dictionary& dictionary,
                           bool with_registers);
Result<Event> event_at(const Found& found, std::size_t row, Dictionary& dictionary);
// Its order key is left empty.
Result<FoundEvent> found_event_at(const Found& found, std::size_t row, Dictionary& dictionary);

// Flags of table process.
inline constexpr std::uint64_t kFlagAdopted = 1;
inline constexpr std::uint64_t kFlagNotUnderstood = 2;
inline constexpr std::uint64_t kFlagAccessList = 4;
inline constexpr std::uint64_t kFlagHeartbeats = 8;

Result<lb::v1::Identity> identity_of(std::uint32_t number, Dictionary& dictionary);

Result<std::vector<Subject>> select_subjects_of(Connection& connection, Dictionary& dictionary,
                                                ProcessNumber process);
Result<EventPage> select_events(Connection& connection, Dictionary& dictionary,
                                SubjectNumber subject, const Position& after, std::uint32_t limit);

}  // namespace lb::store::mariadb
