// Pages of processes and events by a filter, and counts.
#include <chrono>

#include "bkserver/store/mariadb/filter_sql.h"
#include "bkserver/store/mariadb/reader.h"
#include "bkserver/store/mariadb/rows.h"

namespace lb::store::mariadb {

namespace {

// A plan is not worth more: whoever asked is still waiting.
constexpr std::uint32_t kPlanSecondsMax = 1;

// MariaDB takes no parameter for the seconds, which are the server's own, never a client's.
std::string within(std::uint32_t seconds_max, std::string_view statement) {
    std::string bounded = "SET STATEMENT max_statement_time = ";
    bounded.append(std::to_string(seconds_max)).append(" FOR ").append(statement);
    return bounded;
}

// Registered or adopted, and not merely a name of another process.
constexpr std::string_view kReal = "WHERE p.merged_into = 0 AND p.type <> 0";

std::string_view column_of(ProcessOrder order) {
    switch (order) {
        case ProcessOrder::kFounded:
            return "p.number";
        case ProcessOrder::kEntered:
            return "p.entered_us";
        case ProcessOrder::kUpdated:
            return "p.updated_us";
    }
    return {};
}

// " AND (column, number) > place ORDER BY column, number", whichever way.
void add_order(Sql& sql, std::string_view column, std::string_view number, bool is_descending,
               const std::optional<Place>& after) {
    const std::string_view sign = is_descending ? " < " : " > ";
    const std::string_view way = is_descending ? " DESC" : "";
    if (after) {
        if (column != number) {
            // The first half lets the index find the place, the second decides between equals.
            sql.add(" AND ").add(column).add(is_descending ? " <= " : " >= ");
            sql.bind_signed(after->value).add(" AND (").add(column).add(sign);
            sql.bind_signed(after->value).add(" OR ").add(number).add(sign);
            sql.bind(after->number).add(")");
        } else {
            sql.add(" AND ").add(number).add(sign).bind(after->number);
        }
    }
    sql.add(" ORDER BY ").add(column).add(way);
    if (column != number) sql.add(", ").add(number).add(way);
}

std::string_view group_of(Column by) {
    switch (by) {
        case Column::kType:
            return "p.type";
        case Column::kState:
            return "p.state";
        case Column::kVmState:
            return "p.vm_state";
        case Column::kOwner:
            return "p.owner";
        case Column::kHost:
            return "p.host";
        case Column::kCloud:
            return kCloudOfProcess;
        case Column::kEntered:
            return "p.entered_us DIV 3600000000";
        case Column::kEventType:
            return "e.type";
        case Column::kEventTime:
            return "e.time_us DIV 3600000000";
        case Column::kProcessNumber:
        case Column::kName:
        case Column::kParent:
        case Column::kChild:
        case Column::kUpdated:
        case Column::kAdopted:
        case Column::kRegistrant:
        case Column::kAccessList:
        case Column::kEventArrived:
        case Column::kEventVerdict:
            break;
    }
    return {};
}

constexpr std::int64_t kHourUs = 3'600'000'000;

bool is_of_events(Column column) {
    return column == Column::kEventType || column == Column::kEventTime;
}

}  // namespace

Result<Found> MariadbReader::query(const Sql& sql) {
    const auto begin = std::chrono::steady_clock::now();
    auto found = query(within(watch_.seconds_max, sql.text()), sql.values());
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begin);
    const auto milliseconds = static_cast<std::uint64_t>(took.count());
    const bool was_ended = !found.ok() && found.error().code == ErrorCode::kFull;
    if (was_ended || (watch_.slow_milliseconds != 0 && milliseconds >= watch_.slow_milliseconds))
        report({milliseconds, was_ended, sql.text(), {}}, sql);
    return found;
}

void MariadbReader::report(SlowQuery slow, const Sql& sql) {
    const auto plan =
        query(within(kPlanSecondsMax, "EXPLAIN FORMAT=JSON " + sql.text()), sql.values());
    if (plan.ok() && plan->count() > 0) {
        for (const char c : plan->bytes(0, 0))
            if (c != '\n' && (c != ' ' || !slow.plan.ends_with(' '))) slow.plan += c;
    } else {
        slow.plan = "not known";
    }
    watch_.report(slow);
}

Result<std::vector<Process>> MariadbReader::search_processes(const ProcessSelection& selection) {
    Sql sql{std::string()};
    sql.add(select_processes(selection.with_registers)).add(kReal);
    LB_TRY(add_filter(sql, selection.filter, dictionary_, service_));
    add_order(sql, column_of(selection.order), "p.number", selection.is_descending,
              selection.after);
    sql.add(" LIMIT ").bind(std::uint64_t{selection.limit});
    LB_TRY_ASSIGN(const Found found, query(sql));
    std::vector<Process> processes;
    for (std::size_t row = 0; row < found.count(); ++row) {
        LB_TRY_ASSIGN(Process process,
                      process_at(found, row, dictionary_, selection.with_registers));
        processes.push_back(std::move(process));
    }
    return processes;
}

Result<std::vector<FoundEvent>> MariadbReader::search_events(const EventSelection& selection) {
    Sql sql{std::string()};
    sql.add(kSelectFoundEvents).add(kReal);
    LB_TRY(add_filter(sql, selection.filter, dictionary_, service_));
    add_order(sql, "e.time_us", "e.arrival", selection.is_descending, selection.after);
    sql.add(" LIMIT ").bind(std::uint64_t{selection.limit});
    LB_TRY_ASSIGN(const Found found, query(sql));
    std::vector<FoundEvent> events;
    for (std::size_t row = 0; row < found.count(); ++row) {
        LB_TRY_ASSIGN(FoundEvent event, found_event_at(found, row, dictionary_));
        events.push_back(std::move(event));
    }
    return events;
}

Result<std::vector<Count>> MariadbReader::count_processes(const Filter& filter,
                                                          std::optional<Column> by) {
    if (by && is_of_events(*by))
        return Error{ErrorCode::kReject, "processes are not counted by that column"};
    return count("process p ", filter, by);
}

Result<std::vector<Count>> MariadbReader::count_events(const Filter& filter,
                                                       std::optional<Column> by) {
    return count(
        "event e JOIN subject s ON s.number = e.subject JOIN process p ON p.number = s.process ",
        filter, by);
}

Result<std::vector<Count>> MariadbReader::count(std::string_view tables, const Filter& filter,
                                                std::optional<Column> by) {
    const std::string group(by ? group_of(*by) : std::string_view("0"));
    if (group.empty()) return Error{ErrorCode::kReject, "nothing is counted by that column"};
    Sql sql{std::string()};
    sql.add("SELECT ").add(group).add(" AS grouped, COUNT(*) FROM ").add(tables).add(kReal);
    LB_TRY(add_filter(sql, filter, dictionary_, service_));
    if (by) sql.add(" GROUP BY grouped");
    LB_TRY_ASSIGN(const Found found, query(sql));
    std::vector<Count> counts;
    for (std::size_t row = 0; row < found.count(); ++row) {
        Count count = {{}, found.signed_number(row, 0), found.number(row, 1)};
        if (by && holds_text(*by)) {
            LB_TRY_ASSIGN(count.text,
                          dictionary_.text_of(static_cast<std::uint32_t>(count.number)));
            count.number = 0;
        }
        if (by == Column::kCloud && count.text.ends_with(kScopeEnd)) count.text.pop_back();
        if (by == Column::kEntered || by == Column::kEventTime) count.number *= kHourUs;
        counts.push_back(std::move(count));
    }
    return counts;
}

}  // namespace lb::store::mariadb
