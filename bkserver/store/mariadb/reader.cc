#include "bkserver/store/mariadb/reader.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "bkserver/store/mariadb/relations.h"
#include "bkserver/store/mariadb/rows.h"

namespace lb::store::mariadb {

namespace {

constexpr std::string_view kSelectDeadLetters =
    "SELECT number, arrived_us, times, verdict, reason, forwarder, replayed_us";

std::string_view prefix_of(std::string_view key) {
    return key.substr(0, key.size() - std::min(key.size(), kOrderTailBytes));
}

// Of select_named(): the scope and name that were asked for, and, behind what process_at() reads,
// the number of that subject.
constexpr std::size_t kNamedScope = 14;
constexpr std::size_t kNamedText = 15;
constexpr std::size_t kNamedSubject = 18;

std::string select_named() {
    std::string sql = "SELECT ";
    sql.append(kProcessColumns).append(kRegistersColumns).append(", s.number ");
    return sql.append("FROM subject s JOIN process p ON p.number = s.process ");
}

// Each stream in its own order, beside each other by their times: a process may go over from one to
// another when its server starts again. The first `limit` of all.
std::vector<Change> joined(std::vector<std::vector<Change>>& streams, std::uint32_t limit) {
    std::vector<Change> changes;
    std::vector<std::size_t> next(streams.size());
    while (changes.size() < limit) {
        std::optional<std::size_t> first;
        for (std::size_t i = 0; i < streams.size(); ++i) {
            if (next[i] == streams[i].size()) continue;
            if (!first || streams[i][next[i]].changed_us < streams[*first][next[*first]].changed_us)
                first = i;
        }
        if (!first) break;
        changes.push_back(std::move(streams[*first][next[*first]++]));
    }
    return changes;
}

}  // namespace

MariadbReader::MariadbReader(Dsn dsn, Dictionary& dictionary, std::string service, QueryWatch watch)
    : connection_(dsn),
      for_table_changes_(std::move(dsn), kTableChangeTimeout),
      dictionary_(dictionary),
      service_(std::move(service)),
      watch_(std::move(watch)) {}

Result<Found> MariadbReader::query(std::string_view sql, std::span<const Value> values) {
    return read_over(connection_, [&] { return connection_.query(sql, values); });
}

Status MariadbReader::ping() {
    LB_TRY(query("SELECT 1", {}));
    return {};
}

Result<std::string> MariadbReader::secret() {
    LB_TRY_ASSIGN(const Found found, query("SELECT value FROM meta WHERE name = 'secret'", {}));
    if (found.count() == 1) return std::string(found.bytes(0, 0));
    return Error{ErrorCode::kCorrupt, "meta: there is no secret; start the server again"};
}

Result<std::optional<Process>> MariadbReader::find_process(std::string_view name) {
    const std::string text = subject_text_of(name, service_);
    const auto [scope, rest] = split_subject(text);
    LB_TRY_ASSIGN(const std::uint32_t scope_number, dictionary_.find(TextKind::kScope, scope));
    const Value values[] = {rest, std::uint64_t{scope_number}};
    LB_TRY_ASSIGN(const Found found,
                  query(select_named() + "WHERE s.name = ? AND s.scope = ?", values));
    if (found.count() == 0) return std::optional<Process>();
    LB_TRY_ASSIGN(Process process, named_process(found, 0));
    return std::optional<Process>(std::move(process));
}

Result<Process> MariadbReader::named_process(const Found& found, std::size_t row) {
    LB_TRY_ASSIGN(Process process, process_at(found, row, dictionary_, true));
    if (found.number(row, kNamedSubject) == process.number) return process;
    // Asked for by a key, or by the id of one that was merged into it.
    LB_TRY_ASSIGN(auto ids, ids_of(std::span(&process.number, 1)));
    process.id = std::move(ids.front());
    return process;
}

Result<std::vector<std::optional<Process>>> MariadbReader::find_processes(
    std::span<const std::string> names) {
    std::vector<std::string> texts;
    for (const std::string& name : names) texts.push_back(subject_text_of(name, service_));
    std::vector<Value> values;
    std::map<std::pair<std::uint64_t, std::string_view>, std::vector<std::size_t>> places;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const auto [scope, rest] = split_subject(texts[i]);
        LB_TRY_ASSIGN(const std::uint32_t number, dictionary_.find(TextKind::kScope, scope));
        places[{number, rest}].push_back(i);
        values.emplace_back(rest);
    }
    LB_TRY_ASSIGN(const Found found, read_over(connection_, [&] {
                      return connection_.query_in(select_named() + "WHERE s.name IN ", values);
                  }));
    std::vector<std::optional<Process>> processes(names.size());
    for (std::size_t row = 0; row < found.count(); ++row) {
        const auto asked =
            places.find({found.number(row, kNamedScope), found.bytes(row, kNamedText)});
        if (asked == places.end()) continue;  // of another scope
        LB_TRY_ASSIGN(const Process process, named_process(found, row));
        for (const std::size_t place : asked->second) processes[place] = process;
    }
    return processes;
}

Result<std::optional<SightedProcess>> MariadbReader::find_sighted_process(std::string_view name) {
    LB_TRY_ASSIGN(std::optional<Process> process, find_process(name));
    if (!process) return std::optional<SightedProcess>();
    SightedProcess sighted{std::move(*process)};
    if (sighted.process.has_heartbeats) {
        LB_TRY_ASSIGN(sighted.heartbeats, heartbeats_of(sighted.process.number));
    }
    return std::optional<SightedProcess>(std::move(sighted));
}

Result<std::optional<Look>> MariadbReader::look_at(const Process& known) {
    const Value value = std::uint64_t{known.number};
    std::string sql = "SELECT p.revision";
    if (known.has_heartbeats)
        sql.append(", h.reporter, h.time_us, h.arrived_us, h.uptime_s FROM process p ")
            .append("LEFT JOIN heartbeat h ON h.process = p.number ");
    else
        sql.append(" FROM process p ");
    LB_TRY_ASSIGN(const Found found, query(sql.append("WHERE p.number = ?"), std::span(&value, 1)));
    if (found.count() == 0) return std::optional<Look>();
    Look look{static_cast<std::uint32_t>(found.number(0, 0))};
    if (known.has_heartbeats) {
        LB_TRY_ASSIGN(look.heartbeats, heartbeats_in(found, 1, known.number));
    }
    return std::optional<Look>(std::move(look));
}

Result<std::map<ProcessNumber, std::uint32_t>> MariadbReader::revisions_of(
    std::span<const ProcessNumber> numbers) {
    std::vector<Value> values;
    for (const ProcessNumber number : numbers) values.emplace_back(std::uint64_t{number});
    LB_TRY_ASSIGN(const Found found, read_over(connection_, [&] {
                      return connection_.query_in(
                          "SELECT number, revision FROM process WHERE number IN ", values);
                  }));
    std::map<ProcessNumber, std::uint32_t> revisions;
    for (std::size_t row = 0; row < found.count(); ++row)
        revisions[static_cast<ProcessNumber>(found.number(row, 0))] =
            static_cast<std::uint32_t>(found.number(row, 1));
    return revisions;
}

Result<std::optional<Process>> MariadbReader::get_process(ProcessNumber number) {
    const Value value = std::uint64_t{number};
    LB_TRY_ASSIGN(const Found found,
                  query(select_processes(true) + "WHERE p.number = ?", std::span(&value, 1)));
    if (found.count() == 0) return std::optional<Process>();
    LB_TRY_ASSIGN(Process process, process_at(found, 0, dictionary_, true));
    return std::optional<Process>(std::move(process));
}

Result<std::vector<Process>> MariadbReader::get_processes(std::span<const ProcessNumber> numbers,
                                                          bool with_registers) {
    std::vector<Value> values;
    for (const ProcessNumber number : numbers) values.emplace_back(std::uint64_t{number});
    LB_TRY_ASSIGN(const Found found, read_over(connection_, [&] {
                      return connection_.query_in(
                          select_processes(with_registers) + "WHERE p.number IN ", values);
                  }));
    std::vector<Process> processes;
    for (std::size_t row = 0; row < found.count(); ++row) {
        LB_TRY_ASSIGN(Process process, process_at(found, row, dictionary_, with_registers));
        processes.push_back(std::move(process));
    }
    return processes;
}

Result<std::vector<Subject>> MariadbReader::subjects_of(ProcessNumber process) {
    return read_over(connection_,
                     [&] { return select_subjects_of(connection_, dictionary_, process); });
}

// Adds events of `subject` behind `cursor`: all of them, or so many that at least `limit` lie
// before any that is not added. The index orders by clock and time only, so a group of equal ones
// is taken whole or counts as not there.
Status MariadbReader::collect_history(SubjectNumber subject, std::string_view cursor,
                                      std::uint32_t limit, std::vector<Event>& events) {
    Position after = {std::string(prefix_of(cursor)), 0};
    std::size_t settled = 0;  // of this subject: before the last group
    std::size_t group = 0;
    std::string group_prefix;
    while (settled < limit) {
        LB_TRY_ASSIGN(EventPage page, read_over(connection_, [&] {
                          return select_events(connection_, dictionary_, subject, after, limit + 1);
                      }));
        for (Event& event : page.events) {
            if (!cursor.empty() && event.order_key <= cursor) continue;
            if (prefix_of(event.order_key) != group_prefix) {
                settled += group;
                group = 0;
                group_prefix = prefix_of(event.order_key);
            }
            ++group;
            events.push_back(std::move(event));
        }
        if (!page.next) return {};
        after = *page.next;
    }
    return {};
}

Result<HistoryPage> MariadbReader::read_history(ProcessNumber process, std::string_view cursor,
                                                std::uint32_t limit) {
    LB_TRY_ASSIGN(const std::vector<Subject> subjects, subjects_of(process));
    HistoryPage page;
    for (const Subject& subject : subjects)
        LB_TRY(collect_history(subject.number, cursor, limit, page.events));
    std::sort(page.events.begin(), page.events.end(),
              [](const Event& a, const Event& b) { return a.order_key < b.order_key; });
    if (page.events.size() > limit) {
        page.events.resize(limit);
        page.cursor = page.events.back().order_key;
    }
    return page;
}

Result<std::vector<Event>> MariadbReader::read_arrivals(ArrivalNumber after, std::int64_t from_us,
                                                        std::int64_t to_us, std::uint32_t limit) {
    const Value values[] = {after, from_us, to_us, std::uint64_t{limit}};
    LB_TRY_ASSIGN(const Found found,
                  query(std::string(kSelectEvents) +
                            "WHERE e.arrival > ? AND e.arrived_us >= ? AND e.arrived_us < ? "
                            "ORDER BY e.arrival LIMIT ?",
                        values));
    std::vector<Event> events;
    for (std::size_t row = 0; row < found.count(); ++row) {
        LB_TRY_ASSIGN(Event event, event_at(found, row, dictionary_));
        events.push_back(std::move(event));
    }
    return events;
}

// Of the columns from `column` on; whose it is, the caller knows.
Result<Heartbeat> MariadbReader::heartbeat_at(const Found& found, std::size_t row,
                                              std::size_t column) {
    LB_TRY_ASSIGN(std::string reporter,
                  dictionary_.text_of(static_cast<std::uint32_t>(found.number(row, column))));
    return Heartbeat{0, std::move(reporter), found.signed_number(row, column + 1),
                     found.signed_number(row, column + 2),
                     static_cast<std::uint32_t>(found.number(row, column + 3))};
}

// Of one process, by the columns from `column` on; a row without one is a process without any.
Result<std::vector<Heartbeat>> MariadbReader::heartbeats_in(const Found& found, std::size_t column,
                                                            ProcessNumber process) {
    std::vector<Heartbeat> heartbeats;
    for (std::size_t row = 0; row < found.count(); ++row) {
        if (found.number(row, column) == 0) continue;
        LB_TRY_ASSIGN(Heartbeat heartbeat, heartbeat_at(found, row, column));
        heartbeat.process = process;
        heartbeats.push_back(std::move(heartbeat));
    }
    std::sort(heartbeats.begin(), heartbeats.end(),
              [](const Heartbeat& a, const Heartbeat& b) { return a.reporter < b.reporter; });
    return heartbeats;
}

Result<Logger> MariadbReader::logger_at(const Found& found, std::size_t row, std::size_t column) {
    LB_TRY_ASSIGN(std::string host,
                  dictionary_.text_of(static_cast<std::uint32_t>(found.number(row, column))));
    return Logger{std::move(host), found.signed_number(row, column + 1),
                  found.signed_number(row, column + 2), found.number(row, column + 3),
                  found.signed_number(row, column + 4)};
}

Result<std::vector<Heartbeat>> MariadbReader::heartbeats_of(ProcessNumber process) {
    const Value value = std::uint64_t{process};
    LB_TRY_ASSIGN(
        const Found found,
        query("SELECT reporter, time_us, arrived_us, uptime_s FROM heartbeat WHERE process = ?",
              std::span(&value, 1)));
    return heartbeats_in(found, 0, process);
}

Result<std::vector<Heartbeat>> MariadbReader::heartbeats_of(
    std::span<const ProcessNumber> processes) {
    std::vector<Value> values;
    for (const ProcessNumber process : processes) values.emplace_back(std::uint64_t{process});
    LB_TRY_ASSIGN(const Found found, read_over(connection_, [&] {
                      return connection_.query_in(
                          "SELECT process, reporter, time_us, arrived_us, uptime_s FROM heartbeat "
                          "WHERE process IN ",
                          values);
                  }));
    std::vector<Heartbeat> heartbeats;
    for (std::size_t row = 0; row < found.count(); ++row) {
        LB_TRY_ASSIGN(Heartbeat heartbeat, heartbeat_at(found, row, 1));
        heartbeat.process = static_cast<ProcessNumber>(found.number(row, 0));
        heartbeats.push_back(std::move(heartbeat));
    }
    std::sort(heartbeats.begin(), heartbeats.end(), [](const Heartbeat& a, const Heartbeat& b) {
        return std::tie(a.process, a.reporter) < std::tie(b.process, b.reporter);
    });
    return heartbeats;
}

Result<std::vector<Logger>> MariadbReader::loggers_of(std::span<const std::string> hosts) {
    if (hosts.empty()) return std::vector<Logger>();
    // By their texts: many hosts on which machines are have no logger, and no number.
    const std::vector<Value> names(hosts.begin(), hosts.end());
    static_assert(static_cast<int>(TextKind::kHost) == 5);
    LB_TRY_ASSIGN(const Found found, read_over(connection_, [&] {
                      return connection_.query_in(
                          "SELECT l.host, l.seen_us, l.clock_offset_us, l.unsettled, l.oldest_us "
                          "FROM dictionary d JOIN logger l ON l.host = d.number "
                          "WHERE d.kind = 5 AND d.content IN ",
                          names);
                  }));
    std::vector<Logger> loggers;
    for (std::size_t row = 0; row < found.count(); ++row) {
        LB_TRY_ASSIGN(Logger logger, logger_at(found, row, 0));
        loggers.push_back(std::move(logger));
    }
    std::sort(loggers.begin(), loggers.end(),
              [](const Logger& a, const Logger& b) { return a.host < b.host; });
    return loggers;
}

Result<DeadLetter> MariadbReader::dead_letter_at(const Found& found, std::size_t row) {
    DeadLetter letter;
    letter.number = found.number(row, 0);
    letter.arrived_us = found.signed_number(row, 1);
    letter.times = static_cast<std::uint32_t>(found.number(row, 2));
    letter.verdict = static_cast<lb::v1::Verdict>(found.number(row, 3));
    letter.reason = found.bytes(row, 4);
    LB_TRY_ASSIGN(letter.forwarder,
                  identity_of(static_cast<std::uint32_t>(found.number(row, 5)), dictionary_));
    letter.replayed_us = found.signed_number(row, 6);
    return letter;
}

Result<std::vector<DeadLetter>> MariadbReader::list_dead_letters(std::uint64_t after,
                                                                 std::uint32_t limit) {
    const Value values[] = {after, std::uint64_t{limit}};
    LB_TRY_ASSIGN(const Found found,
                  query(std::string(kSelectDeadLetters) +
                            " FROM dead_letter WHERE number > ? ORDER BY number LIMIT ?",
                        values));
    std::vector<DeadLetter> letters;
    for (std::size_t row = 0; row < found.count(); ++row) {
        LB_TRY_ASSIGN(DeadLetter letter, dead_letter_at(found, row));
        letters.push_back(std::move(letter));
    }
    return letters;
}

Result<std::optional<DeadLetter>> MariadbReader::get_dead_letter(std::uint64_t number) {
    const Value value = number;
    LB_TRY_ASSIGN(const Found found, query(std::string(kSelectDeadLetters) +
                                               ", envelope FROM dead_letter WHERE number = ?",
                                           std::span(&value, 1)));
    if (found.count() == 0) return std::optional<DeadLetter>();
    LB_TRY_ASSIGN(DeadLetter letter, dead_letter_at(found, 0));
    letter.envelope = found.bytes(0, 7);
    return std::optional<DeadLetter>(std::move(letter));
}

Result<std::vector<Change>> MariadbReader::changes_of(std::uint32_t stream, std::uint64_t after,
                                                      std::uint32_t limit) {
    const Value values[] = {std::uint64_t{stream}, after, std::uint64_t{limit}};
    LB_TRY_ASSIGN(const Found found,
                  query("SELECT number, process, revision, arrival, changed_us, old_state, "
                        "new_state, old_vm_state, new_vm_state, old_concerns, new_concerns "
                        "FROM `change` "
                        "WHERE stream = ? AND number > ? ORDER BY number LIMIT ?",
                        values));
    std::vector<Change> changes;
    for (std::size_t row = 0; row < found.count(); ++row) {
        Change change;
        change.stream = stream;
        change.number = found.number(row, 0);
        change.process = static_cast<ProcessNumber>(found.number(row, 1));
        change.revision = static_cast<std::uint32_t>(found.number(row, 2));
        change.arrival = found.number(row, 3);
        change.changed_us = found.signed_number(row, 4);
        std::size_t column = 5;
        for (std::string* word :
             {&change.old_state, &change.new_state, &change.old_vm_state, &change.new_vm_state,
              &change.old_concerns, &change.new_concerns}) {
            LB_TRY_ASSIGN(*word, dictionary_.text_of(
                                     static_cast<std::uint32_t>(found.number(row, column++))));
        }
        changes.push_back(std::move(change));
    }
    return changes;
}

Result<std::vector<Change>> MariadbReader::changes_after(const ChangeCursor& cursor,
                                                         std::uint32_t limit) {
    LB_TRY_ASSIGN(const Found found, query("SELECT number FROM stream ORDER BY number", {}));
    std::vector<std::vector<Change>> streams(found.count());
    for (std::size_t row = 0; row < streams.size(); ++row) {
        const auto stream = static_cast<std::uint32_t>(found.number(row, 0));
        const auto seen = cursor.find(stream);
        LB_TRY_ASSIGN(streams[row],
                      changes_of(stream, seen == cursor.end() ? 0 : seen->second, limit));
    }
    return joined(streams, limit);
}

Result<ChangeCursor> MariadbReader::newest_changes() {
    LB_TRY_ASSIGN(const Found streams, query("SELECT number, next FROM stream", {}));
    ChangeCursor cursor;
    for (std::size_t row = 0; row < streams.count(); ++row)
        cursor[static_cast<std::uint32_t>(streams.number(row, 0))] = streams.number(row, 1) - 1;
    return cursor;
}

Result<std::vector<Relation>> MariadbReader::parents_of(ProcessNumber child) {
    return read_over(connection_, [&] { return select_parents_of(connection_, child); });
}

Result<std::vector<Relation>> MariadbReader::children_of(ProcessNumber parent) {
    return read_over(connection_, [&] { return select_children_of(connection_, parent); });
}

Result<std::vector<News>> MariadbReader::read_news(std::uint32_t limit) {
    return read_over(connection_, [&] { return select_news(connection_, limit); });
}

Result<std::vector<std::string>> MariadbReader::ids_of(std::span<const ProcessNumber> numbers) {
    std::vector<Value> values;
    for (const ProcessNumber number : numbers) values.emplace_back(std::uint64_t{number});
    LB_TRY_ASSIGN(const Found found, read_over(connection_, [&] {
                      return connection_.query_in(
                          std::string(kSelectSubjects) + "WHERE s.number IN ", values);
                  }));
    std::map<SubjectNumber, std::string> ids;
    for (std::size_t row = 0; row < found.count(); ++row) {
        LB_TRY_ASSIGN(Subject subject, subject_at(found, row, dictionary_));
        ids[subject.number] = std::move(subject.text);
    }
    std::vector<std::string> ordered;
    for (const ProcessNumber number : numbers) ordered.push_back(ids[number]);
    return ordered;
}

}  // namespace lb::store::mariadb
