#include "bkserver/book/rebuild.h"

#include <chrono>
#include <thread>

#include "bkserver/book/fold.h"
#include "bkserver/book/scan.h"
#include "bkserver/book/working_set.h"
#include "bkserver/state/engine.h"
#include "common/env/env.h"

namespace lb::book {

namespace {

constexpr int kAttemptsMax = 10;
constexpr auto kPause = std::chrono::milliseconds(50);
constexpr std::uint32_t kPageProcesses = 500;
// The lane of rebuilds among the writers of a server: no lane of ingest has it.
constexpr std::uint32_t kRebuildLane = 1000;

// Names of the attributes that are not the same in both.
std::string difference_of(const state::Registers& kept, const state::Registers& fresh,
                          const std::string& process) {
    const auto before = state::derive(kept, process).attributes;
    const auto after = state::derive(fresh, process).attributes;
    std::string names;
    const auto note = [&](const std::string& name) { names += (names.empty() ? "" : ", ") + name; };
    for (const auto& [name, value] : after.items())
        if (!before.contains(name) || before[name] != value) note(name);
    for (const auto& [name, value] : before.items())
        if (!after.contains(name)) note(name);
    return names.empty() ? "registers, with the same status" : "attributes: " + names;
}

std::string service_of(const std::string& id) {
    const auto parsed = event::ProcessId::parse(id);
    return parsed.ok() ? parsed->service() : std::string();
}

class Rebuild {
  public:
    Rebuild(store::Writer& writer, const RebuildOptions& options)
        : writer_(writer), options_(options) {}

    Result<RebuildOutcome> run(store::ProcessNumber number);

  private:
    Result<RebuildOutcome> attempt(store::ProcessNumber number);
    Status compare(store::Process& row, RebuildOutcome& outcome);
    Status save(const store::Process& row);

    store::Writer& writer_;
    const RebuildOptions& options_;
};

Result<RebuildOutcome> Rebuild::run(store::ProcessNumber number) {
    for (int attempt_number = 1;; ++attempt_number) {
        Result<RebuildOutcome> outcome = attempt(number);
        writer_.rollback();
        if (outcome.ok()) return outcome;
        const ErrorCode code = outcome.error().code;
        if (code != ErrorCode::kConflict && code != ErrorCode::kRetry) return outcome;
        if (attempt_number >= kAttemptsMax) return Error{ErrorCode::kRetry, outcome.error().text};
        std::this_thread::sleep_for(kPause);
    }
}

Result<RebuildOutcome> Rebuild::attempt(store::ProcessNumber number) {
    LB_TRY(writer_.begin());
    LB_TRY_ASSIGN(auto rows, writer_.find_processes(std::span(&number, 1)));
    if (!rows[0]) return Error{ErrorCode::kNotFound, "no process " + std::to_string(number)};
    RebuildOutcome outcome;
    outcome.process = rows[0]->id;
    if (rows[0]->merged_into == 0) LB_TRY(compare(*rows[0], outcome));
    return outcome;
}

Status Rebuild::compare(store::Process& row, RebuildOutcome& outcome) {
    const auto kept = state::Registers::decode(row.registers);
    if (!kept.ok() && kept.error().code == ErrorCode::kUnsupported)
        return kept.error().within(row.id);
    LB_TRY_ASSIGN(const std::vector<store::Subject> subjects, writer_.subjects_of(row.number));
    const std::string service = service_of(row.id);
    LB_TRY_ASSIGN(const auto embryo, read_embryo(writer_, row.number, service));
    state::Registers fresh = state::fresh(row.is_adopted ? implied_type(subjects) : 0);
    LB_TRY_ASSIGN(const Folded folded,
                  fold_stored(writer_, subjects, {}, embryo ? &*embryo : nullptr, fresh));
    outcome.events = folded.events;
    outcome.is_different = fresh.encode() != row.registers || folded.waiting != row.waiting;
    if (!outcome.is_different) return {};
    outcome.difference =
        kept.ok() ? difference_of(*kept, fresh, row.id) : "the registers were damaged";
    if (options_.compare_only) return {};
    LB_TRY(save(row));
    outcome.is_written = true;
    return {};
}

// As the live path would: with its change, its relations and the news for its parents.
Status Rebuild::save(const store::Process& row) {
    Caches caches(0, 0, 0);  // nothing is remembered
    WorkingSet working(writer_, caches, service_of(row.id));
    LB_TRY_ASSIGN(Entry* const entry, working.look_up(row.id));
    if (entry == nullptr) return Error{ErrorCode::kConflict, "the process was merged meanwhile"};
    LB_TRY(working.refold(*entry));
    LB_TRY(working.write(env::posix_env().now_us()));
    return writer_.commit();
}

}  // namespace

Result<RebuildOutcome> rebuild_process(store::Database& database, std::string_view name,
                                       const RebuildOptions& options) {
    LB_TRY_ASSIGN(const auto reader, database.open_reader());
    LB_TRY_ASSIGN(const auto process, reader->find_process(name));
    if (!process) return Error{ErrorCode::kNotFound, "no process " + std::string(name)};
    LB_TRY_ASSIGN(const auto writer, database.open_writer(kRebuildLane));
    return Rebuild(*writer, options).run(process->number);
}

Result<store::ProcessNumber> rebuild_all(
    store::Database& database, const RebuildOptions& options, store::ProcessNumber after,
    const std::function<bool(const RebuildOutcome&)>& on_outcome) {
    LB_TRY_ASSIGN(const auto reader, database.open_reader());
    LB_TRY_ASSIGN(const auto writer, database.open_writer(kRebuildLane));
    Rebuild rebuild(*writer, options);
    store::ProcessSelection selection{.limit = kPageProcesses};
    if (options.type != 0)
        selection.filter = store::Filter::all_of(
            {{store::Column::kType, store::Match::kOneOf, {}, {options.type}}});
    for (;;) {
        selection.after = store::Place{0, after};
        LB_TRY_ASSIGN(const auto rows, reader->search_processes(selection));
        if (rows.empty()) return store::ProcessNumber{0};
        for (const store::Process& row : rows) {
            auto outcome = rebuild.run(row.number);
            if (!outcome.ok()) {
                // Without a database there is no going on; one process holds up no other.
                LB_TRY(reader->ping());
                RebuildOutcome failed;
                failed.process = row.id;
                failed.error = outcome.error().text;
                outcome = std::move(failed);
            }
            after = row.number;
            if (!on_outcome(*outcome)) return after;
        }
    }
}

}  // namespace lb::book
