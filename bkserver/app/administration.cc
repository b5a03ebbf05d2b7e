#include "bkserver/app/administration.h"

#include "bkserver/book/rebuild.h"
#include "bkserver/query/forms.h"
#include "bkserver/state/registers.h"
#include "common/metrics/metrics.h"

namespace lb::bkserver {

namespace {

using nlohmann::ordered_json;

// Among the writers of a server: no lane of ingest has it.
constexpr std::uint32_t kAdministrationLane = 1001;

ordered_json row_of(const book::RebuildOutcome& outcome) {
    ordered_json row = {{"process", outcome.process},
                        {"events", outcome.events},
                        {"different", outcome.is_different},
                        {"written", outcome.is_written}};
    if (!outcome.difference.empty()) row["difference"] = outcome.difference;
    return row;
}

}  // namespace

ServerAdministration::ServerAdministration(store::Database& database, const book::Policy& policy,
                                           book::BookOptions options, ServerFacts facts)
    : database_(database),
      policy_(policy),
      options_([&] {
          options.lane = kAdministrationLane;
          options.cached_processes = 16;
          return std::move(options);
      }()),
      facts_(std::move(facts)) {}

Result<book::Book*> ServerAdministration::opened_book() {
    if (book_ == nullptr) {
        LB_TRY_ASSIGN(book_, book::Book::open(database_, policy_, options_));
    }
    return book_.get();
}

Result<ordered_json> ServerAdministration::replay_dead_letter(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    LB_TRY_ASSIGN(book::Book* const book, opened_book());
    LB_TRY_ASSIGN(const book::Settled settled, book->replay_dead_letter(number));
    ordered_json row = {{"number", number}, {"verdict", query::verdict_word(settled.verdict)}};
    if (!settled.reason.empty()) row["reason"] = settled.reason;
    return row;
}

Status ServerAdministration::drop_dead_letter(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    LB_TRY_ASSIGN(book::Book* const book, opened_book());
    return book->drop_dead_letter(number);
}

Status ServerAdministration::rebuild(const std::string& process, bool compare_only,
                                     const std::function<void(const ordered_json&)>& on_row) {
    const book::RebuildOptions options{.compare_only = compare_only};
    if (process.empty())
        return book::rebuild_all(database_, options, [&](const book::RebuildOutcome& outcome) {
            on_row(row_of(outcome));
            return true;
        });
    LB_TRY_ASSIGN(const auto outcome, book::rebuild_process(database_, process, options));
    on_row(row_of(outcome));
    return {};
}

ordered_json ServerAdministration::version() {
    return {{"software", "lb-bkserver"},
            {"version", LB_VERSION},
            {"service", facts_.service},
            {"rules_version", state::kRulesVersion}};
}

ordered_json ServerAdministration::health() {
    const bool is_ready = facts_.is_ready();
    return {{"alive", true}, {"ready", is_ready}, {"service", facts_.service}};
}

std::string ServerAdministration::metrics() {
    return metrics::Registry::global().exposition();
}

ordered_json ServerAdministration::forwarders() {
    return facts_.forwarders();
}

}  // namespace lb::bkserver
