#include "tests/simulation/faulty_store.h"

namespace lb::test {

namespace {

const Error kGone{ErrorCode::kRetry, "the database is gone, by the simulation"};

// True when the countdown ends with this call.
bool is_due(std::atomic<std::uint32_t>& countdown) {
    return countdown > 0 && --countdown == 0;
}

class FaultyWriter final : public store::Writer {
  public:
    FaultyWriter(FaultyStore& store, std::unique_ptr<store::Writer> inner)
        : store_(store), inner_(std::move(inner)) {}

    Status begin() override {
        return run([&] { return inner_->begin(); });
    }
    Status commit() override {
        const FaultyStore::Fate fate = store_.next_fate(true);
        if (fate.is_failing && !fate.is_done_all_the_same) return gone();
        if (store_.bug() == Bug::kStoreForgetsCommits && ++commits_ % 5 == 0) {
            inner_->rollback();
            return {};
        }
        const Status committed = inner_->commit();
        return fate.is_failing ? gone() : committed;
    }
    void rollback() override { inner_->rollback(); }

    Result<store::SubjectNumber> take_subject_numbers(std::uint32_t count) override {
        return run([&] { return inner_->take_subject_numbers(count); });
    }
    Result<store::ArrivalNumber> take_arrival_numbers(std::uint32_t count) override {
        return run([&] { return inner_->take_arrival_numbers(count); });
    }
    Result<std::vector<std::optional<store::Subject>>> find_subjects(
        std::span<const std::string> texts) override {
        return run([&] { return inner_->find_subjects(texts); });
    }
    Result<std::vector<std::optional<store::Process>>> find_processes(
        std::span<const store::ProcessNumber> numbers) override {
        return run([&] { return inner_->find_processes(numbers); });
    }
    Result<std::vector<store::Event>> find_events(std::span<const std::string> ids) override {
        return run([&] { return inner_->find_events(ids); });
    }
    Result<std::vector<store::Subject>> subjects_of(store::ProcessNumber process) override {
        return run([&] { return inner_->subjects_of(process); });
    }
    Result<store::EventPage> read_events(store::SubjectNumber subject, const store::Position& after,
                                         std::uint32_t limit) override {
        return run([&] { return inner_->read_events(subject, after, limit); });
    }
    Result<std::vector<store::Event>> find_arrivals(
        std::span<const store::ArrivalNumber> arrivals) override {
        return run([&] { return inner_->find_arrivals(arrivals); });
    }
    Result<std::vector<store::Relation>> children_of(store::ProcessNumber parent) override {
        return run([&] { return inner_->children_of(parent); });
    }
    Result<std::vector<store::Relation>> parents_of(store::ProcessNumber child) override {
        return run([&] { return inner_->parents_of(child); });
    }
    Result<std::vector<store::News>> read_news(std::uint32_t limit) override {
        return run([&] { return inner_->read_news(limit); });
    }
    Status put_relations(std::span<const store::Relation> relations) override {
        return run([&] { return inner_->put_relations(relations); });
    }
    Status drop_relations(std::span<const store::Relation> relations) override {
        return run([&] { return inner_->drop_relations(relations); });
    }
    Status add_news(std::span<const store::News> news) override {
        return run([&] { return inner_->add_news(news); });
    }
    Status drop_news(std::span<const store::News> news) override {
        return run([&] { return inner_->drop_news(news); });
    }
    Status add_subjects(std::span<const store::Subject> subjects) override {
        return run([&] { return inner_->add_subjects(subjects); });
    }
    Status move_subjects(store::ProcessNumber from, store::ProcessNumber into) override {
        return run([&] { return inner_->move_subjects(from, into); });
    }
    Status add_processes(std::span<const store::Process> processes) override {
        return run([&] { return inner_->add_processes(processes); });
    }
    Status save_processes(std::span<const store::Process> processes) override {
        if (store_.bug() != Bug::kStoreKeepsOldRegisters)
            return run([&] { return inner_->save_processes(processes); });
        std::vector<store::Process> stale(processes.begin(), processes.end());
        for (store::Process& process : stale) {
            std::string& first = first_registers_[process.number];
            if (first.empty()) first = process.registers;
            process.registers = first;
        }
        return run([&] { return inner_->save_processes(stale); });
    }
    Status add_events(std::span<const store::Event> events) override {
        for (const store::Event& event : events)
            if (store_.chokes_on(event)) return kGone;
        if (store_.bug() == Bug::kStoreDropsEvents && !events.empty())
            events = events.first(events.size() - 1);
        return run([&] { return inner_->add_events(events); });
    }
    Status set_order_keys(std::span<const store::Event> events) override {
        return run([&] { return inner_->set_order_keys(events); });
    }
    Status add_changes(std::span<const store::Change> changes) override {
        return run([&] { return inner_->add_changes(changes); });
    }
    Status put_heartbeats(std::span<const store::Heartbeat> heartbeats) override {
        return run([&] { return inner_->put_heartbeats(heartbeats); });
    }
    Status put_loggers(std::span<const store::Logger> loggers) override {
        return run([&] { return inner_->put_loggers(loggers); });
    }
    Result<std::vector<std::string>> take_turned_loggers(std::int64_t silent_at_us) override {
        return run([&] { return inner_->take_turned_loggers(silent_at_us); });
    }
    Status put_due(std::span<const store::Due> due) override {
        return run([&] { return inner_->put_due(due); });
    }
    Status put_due_on(std::span<const std::string> hosts, std::int64_t at_us) override {
        return run([&] { return inner_->put_due_on(hosts, at_us); });
    }
    Status bring_forward(std::span<const store::Due> due) override {
        return run([&] { return inner_->bring_forward(due); });
    }
    Result<std::vector<store::Due>> take_due(std::int64_t now_us, std::uint32_t limit) override {
        return run([&] { return inner_->take_due(now_us, limit); });
    }
    Status settle_due(std::span<const store::Due> due) override {
        return run([&] { return inner_->settle_due(due); });
    }
    Result<std::vector<store::Concern>> find_concerns(
        std::span<const store::ProcessNumber> processes) override {
        return run([&] { return inner_->find_concerns(processes); });
    }
    Status put_concerns(std::span<const store::Concern> concerns) override {
        return run([&] { return inner_->put_concerns(concerns); });
    }
    Status add_dead_letters(std::span<const store::DeadLetter> letters) override {
        return run([&] { return inner_->add_dead_letters(letters); });
    }
    Status mark_replayed(std::uint64_t letter, std::int64_t now_us) override {
        return run([&] { return inner_->mark_replayed(letter, now_us); });
    }
    Status drop_dead_letter(std::uint64_t letter) override {
        return run([&] { return inner_->drop_dead_letter(letter); });
    }
    Status add_token(const store::Token& token) override {
        return run([&] { return inner_->add_token(token); });
    }
    Status revoke_token(std::string_view id, std::int64_t now_us) override {
        return run([&] { return inner_->revoke_token(id, now_us); });
    }

  private:
    template <typename Verb>
    auto run(Verb verb) -> decltype(verb()) {
        if (store_.next_fate(false).is_failing) return gone();
        return verb();
    }
    Error gone() {
        inner_->rollback();
        return kGone;
    }

    FaultyStore& store_;
    std::unique_ptr<store::Writer> inner_;
    std::uint32_t commits_ = 0;
    std::map<store::ProcessNumber, std::string> first_registers_;
};

}  // namespace

Result<std::unique_ptr<store::Writer>> FaultyStore::open_writer(std::uint32_t lane) {
    LB_TRY_ASSIGN(auto inner, inner_.open_writer(lane));
    return std::unique_ptr<store::Writer>(std::make_unique<FaultyWriter>(*this, std::move(inner)));
}

FaultyStore::Fate FaultyStore::next_fate(bool is_commit) {
    if (is_dead_) return {true, false};
    if (is_due(dies_after_)) {
        is_dead_ = true;
        if (on_death) on_death();
        return {true, is_commit};
    }
    if (is_due(fails_after_)) return {true, is_commit && is_commit_done_};
    return {};
}

bool FaultyStore::chokes_on(const store::Event& event) {
    if (bug_ != Bug::kStoreChokesOnOneEvent || event.event_id[0] % 16 != 0) return false;
    is_dead_ = true;
    if (on_death) on_death();
    return true;
}

}  // namespace lb::test
