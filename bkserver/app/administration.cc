#include "bkserver/app/administration.h"

#include <chrono>

#include "bkserver/app/messages.h"
#include "bkserver/book/intake.h"
#include "bkserver/book/rebuild.h"
#include "bkserver/query/forms.h"
#include "bkserver/state/registers.h"
#include "common/env/env.h"
#include "common/event/identity.h"
#include "common/event/process_id.h"
#include "common/metrics/metrics.h"

namespace lb::bkserver {

namespace {

using nlohmann::ordered_json;

// Among the writers of a server: no lane of ingest has it.
constexpr std::uint32_t kAdministrationLane = 1001;
// An answer to a rebuild of many ends after this; the client asks for more.
constexpr std::chrono::seconds kRebuildPause{2};

ordered_json row_of(const book::RebuildOutcome& outcome) {
    if (!outcome.error.empty()) return {{"process", outcome.process}, {"error", outcome.error}};
    ordered_json row = {{"process", outcome.process},
                        {"events", outcome.events},
                        {"different", outcome.is_different},
                        {"written", outcome.is_written}};
    if (!outcome.difference.empty()) row["difference"] = outcome.difference;
    return row;
}

}  // namespace

ServerAdministration::ServerAdministration(store::Database& database, const book::Policy& policy,
                                           authz::TokenBook& tokens, book::BookOptions options,
                                           ServerFacts facts)
    : database_(database),
      policy_(policy),
      tokens_(tokens),
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
    ordered_json row = {{"number", number}, {"verdict", book::verdict_word(settled.verdict)}};
    if (!settled.reason.empty()) row["reason"] = settled.reason;
    return row;
}

Status ServerAdministration::drop_dead_letter(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    LB_TRY_ASSIGN(book::Book* const book, opened_book());
    return book->drop_dead_letter(number);
}

Result<std::uint32_t> ServerAdministration::rebuild(
    const query::RebuildQuestion& question,
    const std::function<void(const ordered_json&)>& on_row) {
    const book::RebuildOptions options{.compare_only = question.compare_only,
                                       .type = question.type};
    if (!question.process.empty()) {
        LB_TRY_ASSIGN(const auto outcome,
                      book::rebuild_process(database_, question.process, options));
        on_row(row_of(outcome));
        return std::uint32_t{0};
    }
    const auto start = std::chrono::steady_clock::now();
    return book::rebuild_all(database_, options, question.after,
                             [&](const book::RebuildOutcome& outcome) {
                                 on_row(row_of(outcome));
                                 return std::chrono::steady_clock::now() - start < kRebuildPause;
                             });
}

// The id that a process of this name has or will have, as far as the name tells.
std::string ServerAdministration::process_of(const std::string& name) const {
    const auto subject = event::parse_subject(name);
    if (!subject.ok()) return name;
    const auto* key = std::get_if<event::Key>(&*subject);
    if (key == nullptr || event::process_type_of_key(key->type) == event::ProcessType::kUnspecified)
        return name;
    const auto id = event::ProcessId::of_key(facts_.service, *key);
    return id.ok() ? id->to_string() : name;
}

Result<std::string> ServerAdministration::issue_token(store::Token& token) {
    authz::FreshToken fresh = authz::make_token();
    token.id = fresh.row.id;
    token.secret_digest = fresh.row.secret_digest;
    if (token.process.empty()) token.process = process_of(token.name);
    LB_TRY_ASSIGN(const auto writer, database_.open_writer(kAdministrationLane));
    LB_TRY(writer->begin());
    LB_TRY(writer->add_token(token));
    LB_TRY(writer->commit());
    return std::move(fresh.text);
}

Status ServerAdministration::revoke_token(store::Token token) {
    token.revoked_us = env::posix_env().now_us();
    LB_TRY_ASSIGN(const auto writer, database_.open_writer(kAdministrationLane));
    LB_TRY(writer->begin());
    LB_TRY(writer->revoke_token(token.id, token.revoked_us));
    LB_TRY(writer->commit());
    tokens_.revoke(token);
    return {};
}

void ServerAdministration::audit(const lb::v1::Identity& who, std::string_view act,
                                 std::string_view what, std::string_view reason) {
    const std::string name = book::printable(event::identity_text(who));
    if (reason.empty())
        log::write(kAuditDone, name, act, book::printable(what));
    else
        log::write(kAuditDenied, name, act, book::printable(what), book::printable(reason));
}

void ServerAdministration::note_query(const lb::v1::Identity& who, std::string_view query,
                                      std::chrono::milliseconds took) {
    if (facts_.slow_query_ms == 0 || took.count() < facts_.slow_query_ms) return;
    log::write(kSlowAnswer, book::printable(event::identity_text(who)), took.count(),
               book::printable(query));
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
