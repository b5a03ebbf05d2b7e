// Reader of store.h over one connection.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "bkserver/store/mariadb/connection.h"
#include "bkserver/store/mariadb/dictionary.h"
#include "bkserver/store/mariadb/filter_sql.h"
#include "bkserver/store/store.h"

namespace lb::store::mariadb {

// A selection or count that took long, with the plan by which the database answered it.
struct SlowQuery {
    std::uint64_t milliseconds = 0;
    bool was_ended = false;  // by its bound, or for want of disk: it has no answer
    std::string sql;         // without its values
    std::string plan;        // EXPLAIN FORMAT=JSON, in one line
};

// How long selections and counts may take.
struct QueryWatch {
    std::uint32_t seconds_max = 20;       // longer ones are ended, and reported
    std::uint32_t slow_milliseconds = 0;  // from how long on they are reported; 0: never
    std::function<void(const SlowQuery&)> report = [](const SlowQuery&) {};
};

class MariadbReader : public Reader {
  public:
    // `dictionary` outlives the reader.
    MariadbReader(Dsn dsn, Dictionary& dictionary, std::string service, QueryWatch watch = {});

    Result<std::optional<Process>> find_process(std::string_view name) override;
    Result<std::vector<std::optional<Process>>> find_processes(
        std::span<const std::string> names) override;
    Result<std::optional<SightedProcess>> find_sighted_process(std::string_view name) override;
    Result<std::optional<Look>> look_at(const Process& known) override;
    Result<std::map<ProcessNumber, std::uint32_t>> revisions_of(
        std::span<const ProcessNumber> numbers) override;
    Result<std::optional<Process>> get_process(ProcessNumber number) override;
    Result<std::vector<Process>> get_processes(std::span<const ProcessNumber> numbers,
                                               bool with_registers) override;
    Result<std::vector<Subject>> subjects_of(ProcessNumber process) override;
    Result<std::vector<Process>> search_processes(const ProcessSelection& selection) override;
    Result<std::vector<FoundEvent>> search_events(const EventSelection& selection) override;
    Result<std::vector<Count>> count_processes(const Filter& filter,
                                               std::optional<Column> by) override;
    Result<std::vector<Count>> count_events(const Filter& filter,
                                            std::optional<Column> by) override;
    Result<HistoryPage> read_history(ProcessNumber process, std::string_view cursor,
                                     std::uint32_t limit) override;
    Result<std::vector<Event>> read_arrivals(ArrivalNumber after, std::int64_t from_us,
                                             std::int64_t to_us, std::uint32_t limit) override;
    Result<std::vector<Heartbeat>> heartbeats_of(ProcessNumber process) override;
    Result<std::vector<Heartbeat>> heartbeats_of(std::span<const ProcessNumber> processes) override;
    Result<std::vector<Logger>> loggers_of(std::span<const std::string> hosts) override;
    Result<std::vector<DeadLetter>> list_dead_letters(std::uint64_t after,
                                                      std::uint32_t limit) override;
    Result<std::optional<DeadLetter>> get_dead_letter(std::uint64_t number) override;
    Result<std::vector<Change>> changes_after(const ChangeCursor& cursor,
                                              std::uint32_t limit) override;
    Result<ChangeCursor> newest_changes() override;
    Result<std::optional<Token>> find_token(std::string_view id) override;
    Result<std::vector<Token>> list_tokens(std::string_view after, std::uint32_t limit) override;
    Result<std::vector<Relation>> parents_of(ProcessNumber child) override;
    Result<std::vector<Relation>> children_of(ProcessNumber parent) override;
    Result<std::vector<News>> read_news(std::uint32_t limit) override;
    Result<std::vector<std::string>> ids_of(std::span<const ProcessNumber> numbers) override;
    Result<std::vector<Index>> list_indices() override;
    Result<std::string> add_index(std::span<const Column> columns) override;
    Status drop_index(std::string_view name) override;
    Result<std::string> secret() override;
    Status ping() override;

  private:
    Result<Found> query(std::string_view sql, std::span<const Value> values);
    // Of a row of a subject and its process.
    Result<Process> named_process(const Found& found, std::size_t row);
    Result<Heartbeat> heartbeat_at(const Found& found, std::size_t row, std::size_t column);
    Result<std::vector<Heartbeat>> heartbeats_in(const Found& found, std::size_t column,
                                                 ProcessNumber process);
    Result<Logger> logger_at(const Found& found, std::size_t row, std::size_t column);
    // Of the rows of `tables`, by a column of theirs.
    Result<std::vector<Count>> count(std::string_view tables, const Filter& filter,
                                     std::optional<Column> by);
    // Of selections and counts: bounded in time, reported when slow.
    Result<Found> query(const Sql& sql);
    void report(SlowQuery slow, const Sql& sql);
    Status collect_history(SubjectNumber subject, std::string_view cursor, std::uint32_t limit,
                           std::vector<Event>& events);
    Result<std::vector<Change>> changes_of(std::uint32_t stream, std::uint64_t after,
                                           std::uint32_t limit);
    Result<DeadLetter> dead_letter_at(const Found& found, std::size_t row);

    Connection connection_;
    Connection for_table_changes_;  // connected when it is needed
    Dictionary& dictionary_;
    std::string service_;
    QueryWatch watch_;
};

}  // namespace lb::store::mariadb
