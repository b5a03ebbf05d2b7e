#include "bkserver/store/mariadb/writer.h"

#include <openssl/sha.h>

#include <limits>
#include <unordered_map>

#include "bkserver/store/body_codec.h"
#include "bkserver/store/mariadb/relations.h"
#include "bkserver/store/mariadb/rows.h"

namespace lb::store::mariadb {

namespace {

constexpr std::size_t kDigestBytes = 16;

constexpr std::string_view kInsertProcesses =
    "INSERT INTO process (merged_into, revision, type, flags, rules_version, waiting, registrant, "
    "state, vm_state, owner, host, entered_us, updated_us, registers_format, registers, number) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

// Of two of one reporter. The assignments run from left to right: time_us, which they ask, is the
// last.
constexpr char kNewerHeartbeatStays[] =
    " ON DUPLICATE KEY UPDATE "
    "arrived_us = IF(VALUES(time_us) > heartbeat.time_us, VALUES(arrived_us), "
    "heartbeat.arrived_us), "
    "uptime_s = IF(VALUES(time_us) > heartbeat.time_us, VALUES(uptime_s), heartbeat.uptime_s), "
    "time_us = GREATEST(heartbeat.time_us, VALUES(time_us))";

std::string digest_of(std::string_view bytes) {
    std::string digest(SHA256_DIGEST_LENGTH, '\0');
    SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
           reinterpret_cast<unsigned char*>(digest.data()));
    digest.resize(kDigestBytes);
    return digest;
}

Error lost_race(std::string_view what) {
    return {ErrorCode::kConflict, "another writer changed " + std::string(what) + " first"};
}

}  // namespace

MariadbWriter::MariadbWriter(Dsn dsn, Dictionary& dictionary, StreamOwner owner)
    : connection_(std::move(dsn)), dictionary_(dictionary), owner_(std::move(owner)) {}

MariadbWriter::~MariadbWriter() {
    rollback();
}

Status MariadbWriter::begin() {
    rollback();
    LB_TRY(connection_.use());
    LB_TRY(connection_.run("START TRANSACTION"));
    in_transaction_ = true;
    return {};
}

Status MariadbWriter::commit() {
    in_transaction_ = false;
    // Where there is none COMMIT ends well, too.
    const bool is_gone = !connection_.is_broken() && !connection_.is_in_transaction();
    Status committed = connection_.run("COMMIT");
    if (committed.ok() && is_gone)
        committed = Error{ErrorCode::kRetry, "the database ended the transaction by itself"};
    if (committed.ok())
        next_change_ += pending_changes_;
    else
        stream_ = 0;  // whether it happened is not known: ask the database
    pending_changes_ = 0;
    return committed;
}

void MariadbWriter::rollback() {
    pending_changes_ = 0;
    if (!in_transaction_) return;
    in_transaction_ = false;
    stream_ = 0;  // it may have been created, or found taken, in what is undone
    // A line that cannot even roll back is closed: that rolls back as well.
    if (!connection_.is_broken() && !connection_.run("ROLLBACK").ok()) connection_.drop();
}

Result<SubjectNumber> MariadbWriter::take_subject_numbers(std::uint32_t count) {
    LB_TRY_ASSIGN(const std::uint64_t first, dictionary_.take("subject", count));
    if (first + count > std::numeric_limits<SubjectNumber>::max())
        return Error{ErrorCode::kFull, "the database has no numbers left for subjects"};
    return static_cast<SubjectNumber>(first);
}

Result<ArrivalNumber> MariadbWriter::take_arrival_numbers(std::uint32_t count) {
    return dictionary_.take("arrival", count);
}

Result<std::vector<std::optional<Subject>>> MariadbWriter::find_subjects(
    std::span<const std::string> texts) {
    std::unordered_map<std::string_view, std::size_t> asked;
    std::vector<Value> names;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        asked.emplace(texts[i], i);
        names.emplace_back(split_subject(texts[i]).second);
    }
    std::vector<std::optional<Subject>> subjects(texts.size());
    // By name alone: names are hardly ever shared by scopes, and one column makes a plain list.
    LB_TRY_ASSIGN(const Found found,
                  connection_.query_in(std::string(kSelectSubjects) + "WHERE s.name IN ", names));
    for (std::size_t row = 0; row < found.count(); ++row) {
        LB_TRY_ASSIGN(Subject subject, subject_at(found, row, dictionary_));
        if (const auto at = asked.find(subject.text); at != asked.end())
            subjects[at->second] = std::move(subject);
    }
    return subjects;
}

Result<std::vector<std::optional<Process>>> MariadbWriter::find_processes(
    std::span<const ProcessNumber> numbers) {
    std::unordered_map<ProcessNumber, std::size_t> asked;
    std::vector<Value> values;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        asked.emplace(numbers[i], i);
        values.emplace_back(std::uint64_t{numbers[i]});
    }
    std::vector<std::optional<Process>> processes(numbers.size());
    LB_TRY_ASSIGN(const Found found,
                  connection_.query_in(select_processes(true) + "WHERE p.number IN ", values));
    for (std::size_t row = 0; row < found.count(); ++row) {
        LB_TRY_ASSIGN(Process process, process_at(found, row, dictionary_, true));
        const std::size_t at = asked.at(process.number);
        processes[at] = std::move(process);
    }
    return processes;
}

Result<std::vector<Event>> MariadbWriter::find_events(std::span<const std::string> event_ids) {
    std::vector<Value> values;
    for (const std::string& event_id : event_ids) values.emplace_back(std::string_view(event_id));
    // The usual answer is none: the index alone is asked, the rows of those that are there then.
    LB_TRY_ASSIGN(const Found present,
                  connection_.query_in("SELECT event_id FROM event WHERE event_id IN ", values));
    if (present.count() == 0) return std::vector<Event>();
    values.clear();
    for (std::size_t row = 0; row < present.count(); ++row)
        values.emplace_back(present.bytes(row, 0));
    LB_TRY_ASSIGN(
        const Found found,
        connection_.query_in(std::string(kSelectEvents) + "WHERE e.event_id IN ", values));
    std::vector<Event> events;
    for (std::size_t row = 0; row < found.count(); ++row) {
        LB_TRY_ASSIGN(Event event, event_at(found, row, dictionary_));
        events.push_back(std::move(event));
    }
    return events;
}

Result<std::vector<Subject>> MariadbWriter::subjects_of(ProcessNumber process) {
    return select_subjects_of(connection_, dictionary_, process);
}

Result<EventPage> MariadbWriter::read_events(SubjectNumber subject, const Position& after,
                                             std::uint32_t limit) {
    return select_events(connection_, dictionary_, subject, after, limit);
}

Result<std::vector<Event>> MariadbWriter::find_arrivals(std::span<const ArrivalNumber> arrivals) {
    const std::vector<Value> values(arrivals.begin(), arrivals.end());
    LB_TRY_ASSIGN(const Found found,
                  connection_.query_in(std::string(kSelectEvents) + "WHERE e.arrival IN ", values));
    std::vector<Event> events;
    for (std::size_t row = 0; row < found.count(); ++row) {
        LB_TRY_ASSIGN(Event event, event_at(found, row, dictionary_));
        events.push_back(std::move(event));
    }
    return events;
}

Result<std::vector<Relation>> MariadbWriter::children_of(ProcessNumber parent) {
    return select_children_of(connection_, parent);
}

Result<std::vector<Relation>> MariadbWriter::parents_of(ProcessNumber child) {
    return select_parents_of(connection_, child);
}

Result<std::vector<News>> MariadbWriter::read_news(std::uint32_t limit) {
    return select_news(connection_, limit);
}

Status MariadbWriter::put_relations(std::span<const Relation> relations) {
    return mariadb::put_relations(connection_, relations);
}

Status MariadbWriter::drop_relations(std::span<const Relation> relations) {
    return mariadb::drop_relations(connection_, relations);
}

Status MariadbWriter::add_news(std::span<const News> news) {
    return mariadb::add_news(connection_, news);
}

Status MariadbWriter::drop_news(std::span<const News> news) {
    return mariadb::drop_news(connection_, news);
}

Status MariadbWriter::add_subjects(std::span<const Subject> subjects) {
    if (subjects.empty()) return {};
    Rows rows(4);
    for (const Subject& subject : subjects) {
        const auto [scope, name] = split_subject(subject.text);
        LB_TRY_ASSIGN(const std::uint32_t scope_number,
                      dictionary_.number_of(TextKind::kScope, scope));
        rows.add(std::uint64_t{subject.number}).add(std::uint64_t{scope_number}).add(name);
        rows.add(std::uint64_t{subject.process});
    }
    LB_TRY(connection_.execute(
        "INSERT INTO subject (number, scope, name, process) VALUES (?, ?, ?, ?)", rows));
    return {};
}

Status MariadbWriter::move_subjects(ProcessNumber from, ProcessNumber into) {
    const Value values[] = {std::uint64_t{into}, std::uint64_t{from}};
    LB_TRY(connection_.execute("UPDATE subject SET process = ? WHERE process = ?", values));
    LB_TRY(connection_.execute(
        std::string("INSERT INTO heartbeat (process, reporter, time_us, arrived_us, uptime_s) "
                    "SELECT ?, h.reporter, h.time_us, h.arrived_us, h.uptime_s FROM heartbeat h "
                    "WHERE h.process = ?") +
            kNewerHeartbeatStays,
        values));
    LB_TRY(
        connection_.execute("DELETE FROM heartbeat WHERE process = ?", std::span(values).last(1)));
    return move_children(connection_, from, into);
}

Status MariadbWriter::add_process_cells(Rows& rows, const Process& process) {
    LB_TRY_ASSIGN(const std::uint32_t registrant,
                  dictionary_.number_of(TextKind::kOwner, process.registrant));
    LB_TRY_ASSIGN(const std::uint32_t state, dictionary_.number_of(TextKind::kWord, process.state));
    LB_TRY_ASSIGN(const std::uint32_t vm_state,
                  dictionary_.number_of(TextKind::kWord, process.vm_state));
    LB_TRY_ASSIGN(const std::uint32_t owner,
                  dictionary_.number_of(TextKind::kOwner, process.owner));
    LB_TRY_ASSIGN(const std::uint32_t host, dictionary_.number_of(TextKind::kHost, process.host));
    const std::uint64_t flags = (process.is_adopted ? kFlagAdopted : 0) |
                                (process.not_understood ? kFlagNotUnderstood : 0) |
                                (process.has_access_list ? kFlagAccessList : 0) |
                                (process.has_heartbeats ? kFlagHeartbeats : 0);
    LB_TRY_ASSIGN(PackedRegisters packed, pack_registers(process.registers));
    rows.add(std::uint64_t{process.merged_into}).add(std::uint64_t{process.revision});
    rows.add(std::uint64_t{process.type}).add(flags).add(std::uint64_t{process.rules_version});
    rows.add(std::uint64_t{process.waiting}).add(std::uint64_t{registrant});
    rows.add(std::uint64_t{state}).add(std::uint64_t{vm_state});
    rows.add(std::uint64_t{owner}).add(std::uint64_t{host});
    rows.add_signed(process.entered_us).add_signed(process.updated_us);
    rows.add(static_cast<std::uint64_t>(packed.format)).keep(std::move(packed.bytes));
    return {};
}

Status MariadbWriter::add_processes(std::span<const Process> processes) {
    if (processes.empty()) return {};
    Rows rows(16);
    for (const Process& process : processes) {
        LB_TRY(add_process_cells(rows, process));
        rows.add(std::uint64_t{process.number});
    }
    LB_TRY(connection_.execute(kInsertProcesses, rows));
    return {};
}

// Locks the rows. kConflict when one is gone or of another revision than the last that was read.
Status MariadbWriter::claim_revisions(std::span<const Process> processes) {
    std::unordered_map<std::uint64_t, std::uint64_t> expected;
    std::vector<Value> numbers;
    for (const Process& process : processes) {
        expected.emplace(process.number, process.revision - 1);
        numbers.emplace_back(std::uint64_t{process.number});
    }
    LB_TRY_ASSIGN(const Found found,
                  connection_.query_in("SELECT number, revision FROM process WHERE number IN ",
                                       numbers, " FOR UPDATE"));
    for (std::size_t row = 0; row < found.count(); ++row) {
        const auto at = expected.find(found.number(row, 0));
        if (at == expected.end() || at->second != found.number(row, 1))
            return lost_race("a process");
        expected.erase(at);
    }
    return expected.empty() ? Status() : lost_race("a process");
}

// MariaDB plans an UPDATE anew for each row of an array, an INSERT once for all: rows that are
// there, and locked, are written over by one.
Status MariadbWriter::save_processes(std::span<const Process> processes) {
    if (processes.empty()) return {};
    LB_TRY(claim_revisions(processes));
    Rows rows(16);
    for (const Process& process : processes) {
        LB_TRY(add_process_cells(rows, process));
        rows.add(std::uint64_t{process.number});
    }
    LB_TRY(connection_.execute(
        std::string(kInsertProcesses) +
            " ON DUPLICATE KEY UPDATE merged_into = VALUES(merged_into), "
            "revision = VALUES(revision), type = VALUES(type), flags = VALUES(flags), "
            "rules_version = VALUES(rules_version), waiting = VALUES(waiting), "
            "registrant = VALUES(registrant), state = VALUES(state), vm_state = VALUES(vm_state), "
            "owner = VALUES(owner), host = VALUES(host), entered_us = VALUES(entered_us), "
            "updated_us = VALUES(updated_us), registers_format = VALUES(registers_format), "
            "registers = VALUES(registers)",
        rows));
    return {};
}

Status MariadbWriter::add_event_cells(Rows& rows, const Event& event) {
    Body body = encode_body(event.envelope, event.event_id);
    LB_TRY_ASSIGN(const std::uint32_t forwarder,
                  dictionary_.number_of(TextKind::kIdentity, event.forwarder.SerializeAsString()));
    LB_TRY_ASSIGN(const std::uint32_t stamp, dictionary_.number_of(TextKind::kStamp, body.stamp));
    rows.add(event.arrival).add(std::uint64_t{event.subject}).add(std::string_view(event.event_id));
    rows.keep(event.order_key.substr(0, event.order_key.size() - kOrderTailBytes));
    rows.add(std::uint64_t{event.type}).add(static_cast<std::uint64_t>(event.verdict));
    rows.add(std::uint64_t{forwarder}).add(std::uint64_t{stamp}).add_signed(event.arrived_us);
    rows.add(static_cast<std::uint64_t>(body.format)).keep(std::move(body.bytes));
    rows.add_signed(time_of_order_key(event.order_key));
    return {};
}

Status MariadbWriter::add_events(std::span<const Event> events) {
    if (events.empty()) return {};
    Rows rows(12);
    for (const Event& event : events) LB_TRY(add_event_cells(rows, event));
    LB_TRY(connection_.execute(
        "INSERT INTO event (arrival, subject, event_id, order_prefix, type, verdict, forwarder, "
        "stamp, arrived_us, body_format, body, time_us) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows));
    return {};
}

Status MariadbWriter::set_order_keys(std::span<const Event> events) {
    if (events.empty()) return {};
    Rows rows(2);
    for (const Event& event : events) {
        rows.keep(event.order_key.substr(0, event.order_key.size() - kOrderTailBytes));
        rows.add(event.arrival);
    }
    LB_TRY(connection_.execute("UPDATE event SET order_prefix = ? WHERE arrival = ?", rows));
    return {};
}

Status MariadbWriter::open_stream() {
    const Value values[] = {std::string_view(owner_.instance), std::uint64_t{owner_.lane}};
    LB_TRY_ASSIGN(
        const Found found,
        connection_.query("SELECT number, next FROM stream WHERE holder = ? AND lane = ?", values));
    if (found.count() == 0) return create_stream();
    stream_ = static_cast<std::uint32_t>(found.number(0, 0));
    next_change_ = found.number(0, 1);
    return {};
}

// In the caller's transaction: who rolls it back creates the stream again.
Status MariadbWriter::create_stream() {
    LB_TRY_ASSIGN(const Found greatest,
                  connection_.query("SELECT number FROM stream ORDER BY number DESC LIMIT 1", {}));
    const std::uint64_t number = greatest.count() == 0 ? 1 : greatest.number(0, 0) + 1;
    const Value values[] = {number, std::string_view(owner_.instance), std::uint64_t{owner_.lane}};
    LB_TRY(connection_.execute(
        "INSERT INTO stream (number, holder, lane, next) VALUES (?, ?, ?, 1)", values));
    next_change_ = 1;
    stream_ = static_cast<std::uint32_t>(number);
    return {};
}

Status MariadbWriter::add_changes(std::span<const Change> changes) {
    if (changes.empty()) return {};
    if (stream_ == 0) LB_TRY(open_stream());
    const std::uint64_t first = next_change_ + pending_changes_;
    Rows rows(12);
    for (const Change& change : changes) {
        rows.add(std::uint64_t{stream_}).add(next_change_ + pending_changes_++);
        rows.add(std::uint64_t{change.process}).add(std::uint64_t{change.revision});
        for (const std::string* word :
             {&change.old_state, &change.new_state, &change.old_vm_state, &change.new_vm_state,
              &change.old_concerns, &change.new_concerns}) {
            LB_TRY_ASSIGN(const std::uint32_t number,
                          dictionary_.number_of(TextKind::kWord, *word));
            rows.add(std::uint64_t{number});
        }
        rows.add(change.arrival).add_signed(change.changed_us);
    }
    // Whoever holds the same stream waits here, and then finds that he is late.
    const Value values[] = {next_change_ + pending_changes_, std::uint64_t{stream_}, first};
    LB_TRY_ASSIGN(
        const std::uint64_t moved,
        connection_.execute("UPDATE stream SET next = ? WHERE number = ? AND next = ?", values));
    if (moved != 1) return lost_race("a stream of changes");
    LB_TRY(connection_.execute(
        "INSERT INTO `change` (stream, number, process, revision, old_state, new_state, "
        "old_vm_state, new_vm_state, old_concerns, new_concerns, arrival, changed_us) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows));
    return {};
}

// kConflict when one is only a name of another by now: nobody would find what is put there.
Status MariadbWriter::must_stand_alone(std::span<const Heartbeat> heartbeats) {
    std::vector<Value> numbers;
    for (const Heartbeat& heartbeat : heartbeats)
        numbers.emplace_back(std::uint64_t{heartbeat.process});
    LB_TRY_ASSIGN(const Found merged,
                  connection_.query_in("SELECT number FROM process WHERE number IN ", numbers,
                                       " AND merged_into <> 0"));
    return merged.count() == 0 ? Status() : lost_race("a process");
}

Status MariadbWriter::put_heartbeats(std::span<const Heartbeat> heartbeats) {
    if (heartbeats.empty()) return {};
    LB_TRY(must_stand_alone(heartbeats));
    Rows rows(5);
    for (const Heartbeat& heartbeat : heartbeats) {
        LB_TRY_ASSIGN(const std::uint32_t reporter,
                      dictionary_.number_of(TextKind::kReporter, heartbeat.reporter));
        rows.add(std::uint64_t{heartbeat.process}).add(std::uint64_t{reporter});
        rows.add_signed(heartbeat.time_us).add_signed(heartbeat.arrived_us);
        rows.add(std::uint64_t{heartbeat.uptime_s});
    }
    LB_TRY(connection_.execute(
        std::string("INSERT INTO heartbeat (process, reporter, time_us, arrived_us, uptime_s) "
                    "VALUES (?, ?, ?, ?, ?)") +
            kNewerHeartbeatStays,
        rows));
    return {};
}

Status MariadbWriter::put_loggers(std::span<const Logger> loggers) {
    if (loggers.empty()) return {};
    Rows rows(5);
    for (const Logger& logger : loggers) {
        LB_TRY_ASSIGN(const std::uint32_t host,
                      dictionary_.number_of(TextKind::kHost, logger.host));
        rows.add(std::uint64_t{host}).add_signed(logger.seen_us);
        rows.add_signed(logger.clock_offset_us).add(logger.unsettled);
        rows.add_signed(logger.oldest_us);
    }
    // The assignments run from left to right: seen_us, which they ask, is the last.
    LB_TRY(connection_.execute(
        "INSERT INTO logger (host, seen_us, clock_offset_us, unsettled, oldest_us) "
        "VALUES (?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE "
        "clock_offset_us = IF(VALUES(seen_us) > seen_us, VALUES(clock_offset_us), "
        "clock_offset_us), "
        "unsettled = IF(VALUES(seen_us) > seen_us, VALUES(unsettled), unsettled), "
        "oldest_us = IF(VALUES(seen_us) > seen_us, VALUES(oldest_us), oldest_us), "
        "seen_us = GREATEST(seen_us, VALUES(seen_us))",
        rows));
    return {};
}

Status MariadbWriter::add_dead_letters(std::span<const DeadLetter> letters) {
    if (letters.empty()) return {};
    Rows rows(6);
    for (const DeadLetter& letter : letters) {
        LB_TRY_ASSIGN(
            const std::uint32_t forwarder,
            dictionary_.number_of(TextKind::kIdentity, letter.forwarder.SerializeAsString()));
        rows.keep(digest_of(letter.envelope)).add_signed(letter.arrived_us);
        rows.add(static_cast<std::uint64_t>(letter.verdict));
        rows.add(std::string_view(letter.reason).substr(0, kReasonBytesMax));
        rows.add(std::uint64_t{forwarder}).add(std::string_view(letter.envelope));
    }
    LB_TRY(connection_.execute(
        "INSERT INTO dead_letter (digest, arrived_us, times, verdict, reason, forwarder, "
        "replayed_us, envelope) VALUES (?, ?, 1, ?, ?, ?, 0, ?) ON DUPLICATE KEY UPDATE "
        "times = times + 1, arrived_us = VALUES(arrived_us), verdict = VALUES(verdict), "
        "reason = VALUES(reason), replayed_us = 0",
        rows));
    return {};
}

Status MariadbWriter::mark_replayed(std::uint64_t dead_letter, std::int64_t now_us) {
    const Value values[] = {now_us, dead_letter};
    LB_TRY(connection_.execute("UPDATE dead_letter SET replayed_us = ? WHERE number = ?", values));
    return {};
}

Status MariadbWriter::drop_dead_letter(std::uint64_t dead_letter) {
    const Value value = dead_letter;
    LB_TRY_ASSIGN(
        const std::uint64_t dropped,
        connection_.execute("DELETE FROM dead_letter WHERE number = ?", std::span(&value, 1)));
    if (dropped == 0)
        return Error{ErrorCode::kNotFound, "no dead letter " + std::to_string(dead_letter)};
    return {};
}

}  // namespace lb::store::mariadb
