// Writer of store.h over one connection.
#pragma once

#include <string>

#include "bkserver/store/mariadb/connection.h"
#include "bkserver/store/mariadb/dictionary.h"
#include "bkserver/store/store.h"

namespace lb::store::mariadb {

struct StreamOwner {
    std::string instance;
    std::uint32_t lane = 0;
};

class MariadbWriter : public Writer {
  public:
    // `dictionary` outlives the writer.
    MariadbWriter(Dsn dsn, Dictionary& dictionary, StreamOwner owner);
    ~MariadbWriter() override;

    Status begin() override;
    Status commit() override;
    void rollback() override;

    Result<SubjectNumber> take_subject_numbers(std::uint32_t count) override;
    Result<ArrivalNumber> take_arrival_numbers(std::uint32_t count) override;

    Result<std::vector<std::optional<Subject>>> find_subjects(
        std::span<const std::string> texts) override;
    Result<std::vector<std::optional<Process>>> find_processes(
        std::span<const ProcessNumber> numbers) override;
    Result<std::vector<Event>> find_events(std::span<const std::string> event_ids) override;
    Result<std::vector<Subject>> subjects_of(ProcessNumber process) override;
    Result<EventPage> read_events(SubjectNumber subject, const Position& after,
                                  std::uint32_t limit) override;
    Result<std::vector<Event>> find_arrivals(std::span<const ArrivalNumber> arrivals) override;
    Result<std::vector<Relation>> children_of(ProcessNumber parent) override;
    Result<std::vector<Relation>> parents_of(ProcessNumber child) override;
    Result<std::vector<News>> read_news(std::uint32_t limit) override;

    Status add_subjects(std::span<const Subject> subjects) override;
    Status move_subjects(ProcessNumber from, ProcessNumber into) override;
    Status add_processes(std::span<const Process> processes) override;
    Status save_processes(std::span<const Process> processes) override;
    Status add_events(std::span<const Event> events) override;
    Status set_order_keys(std::span<const Event> events) override;
    Status add_changes(std::span<const Change> changes) override;
    Status put_relations(std::span<const Relation> relations) override;
    Status drop_relations(std::span<const Relation> relations) override;
    Status add_news(std::span<const News> news) override;
    Status drop_news(std::span<const News> news) override;
    Status put_heartbeats(std::span<const Heartbeat> heartbeats) override;
    Status put_loggers(std::span<const Logger> loggers) override;
    Result<std::vector<std::string>> take_turned_loggers(std::int64_t silent_at_us) override;
    Status put_due(std::span<const Due> due) override;
    Status put_due_on(std::span<const std::string> hosts, std::int64_t at_us) override;
    Status bring_forward(std::span<const Due> due) override;
    Result<std::vector<Due>> take_due(std::int64_t now_us, std::uint32_t limit) override;
    Status settle_due(std::span<const Due> due) override;
    Result<std::vector<Concern>> find_concerns(std::span<const ProcessNumber> processes) override;
    Status put_concerns(std::span<const Concern> concerns) override;
    Status add_dead_letters(std::span<const DeadLetter> letters) override;
    Status mark_replayed(std::uint64_t dead_letter, std::int64_t now_us) override;
    Status drop_dead_letter(std::uint64_t dead_letter) override;
    Status add_token(const Token& token) override;
    Status revoke_token(std::string_view id, std::int64_t now_us) override;

  private:
    Status claim_revisions(std::span<const Process> processes);
    Status must_stand_alone(std::span<const Heartbeat> heartbeats);
    Status add_process_cells(Rows& rows, const Process& process);
    Status add_event_cells(Rows& rows, const Event& event);
    Status open_stream();
    Status create_stream();

    Connection connection_;
    Dictionary& dictionary_;
    StreamOwner owner_;
    std::uint32_t stream_ = 0;           // 0: not opened yet
    std::uint64_t next_change_ = 0;      // as committed
    std::uint64_t pending_changes_ = 0;  // of this transaction
    bool in_transaction_ = false;
};

}  // namespace lb::store::mariadb
