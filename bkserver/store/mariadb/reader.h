// Reader of store.h over one connection.
#pragma once

#include <string>

#include "bkserver/store/mariadb/connection.h"
#include "bkserver/store/mariadb/dictionary.h"
#include "bkserver/store/store.h"

namespace lb::store::mariadb {

class MariadbReader : public Reader {
  public:
    // `dictionary` outlives the reader.
    MariadbReader(Dsn dsn, Dictionary& dictionary, std::string service);

    Result<std::optional<Process>> find_process(std::string_view name) override;
    Result<std::optional<Process>> get_process(ProcessNumber number) override;
    Result<std::vector<Subject>> subjects_of(ProcessNumber process) override;
    Result<std::vector<Process>> list_processes(const ListFilter& filter, ProcessNumber after,
                                                std::uint32_t limit) override;
    Result<HistoryPage> read_history(ProcessNumber process, std::string_view cursor,
                                     std::uint32_t limit) override;
    Result<std::vector<Event>> read_arrivals(ArrivalNumber after, std::int64_t from_us,
                                             std::int64_t to_us, std::uint32_t limit) override;
    Result<std::vector<Heartbeat>> heartbeats_of(ProcessNumber process) override;
    Result<std::vector<Logger>> loggers_of(std::span<const std::string> hosts) override;
    Result<std::vector<DeadLetter>> list_dead_letters(std::uint64_t after,
                                                      std::uint32_t limit) override;
    Result<std::optional<DeadLetter>> get_dead_letter(std::uint64_t number) override;
    Result<std::vector<Change>> changes_after(const ChangeCursor& cursor,
                                              std::uint32_t limit) override;
    Result<Counts> counts() override;
    Result<std::optional<Token>> find_token(std::string_view id) override;
    Result<std::vector<Token>> list_tokens(std::string_view after, std::uint32_t limit) override;
    Result<std::vector<Relation>> children_of(ProcessNumber parent) override;
    Result<std::vector<News>> read_news(std::uint32_t limit) override;
    Result<std::vector<std::string>> ids_of(std::span<const ProcessNumber> numbers) override;
    Status ping() override;

  private:
    Result<Found> query(std::string_view sql, std::span<const Value> values);
    Status collect_history(SubjectNumber subject, std::string_view cursor, std::uint32_t limit,
                           std::vector<Event>& events);
    Status add_changes_of(std::uint32_t stream, std::uint64_t after, std::uint32_t limit,
                          std::vector<Change>& changes);
    Result<DeadLetter> dead_letter_at(const Found& found, std::size_t row);

    Connection connection_;
    Dictionary& dictionary_;
    std::string service_;
};

}  // namespace lb::store::mariadb
