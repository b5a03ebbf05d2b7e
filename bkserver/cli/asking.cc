#include "bkserver/cli/asking.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace lb::cli {

namespace {

constexpr std::uint32_t kPageRows = 1000;
// How long one look for changes takes, if there are none.
constexpr std::chrono::milliseconds kWatchPatience = std::chrono::minutes(1);

using Rows = std::unique_ptr<lb_rows, decltype(&lb_rows_free)>;
using Query = std::unique_ptr<lb_query, decltype(&lb_query_free)>;

ErrorCode code_of(lb_answer answer) {
    switch (answer) {
        case LB_ANSWER_OK:
            return ErrorCode::kOk;
        case LB_ANSWER_RETRY:
            return ErrorCode::kRetry;
        case LB_ANSWER_REJECT:
            return ErrorCode::kReject;
        case LB_ANSWER_DENIED:
            return ErrorCode::kDenied;
        case LB_ANSWER_FULL:
            return ErrorCode::kFull;
        case LB_ANSWER_NOT_FOUND:
            return ErrorCode::kNotFound;
        case LB_ANSWER_UNSUPPORTED:
            return ErrorCode::kUnsupported;
        case LB_ANSWER_BUG:
            break;
    }
    return ErrorCode::kBug;
}

Status status_of(lb_answer answer) {
    if (answer == LB_ANSWER_OK) return {};
    return Error{code_of(answer), lb_consumer_last_text()};
}

const char* text_or_null(const std::string& text) {
    return text.empty() ? nullptr : text.c_str();
}

int tick(void* progress) {
    static_cast<Progress*>(progress)->tick();
    return 0;
}

Status set(lb_query& query, lb_query_option option, const std::string& value) {
    if (value.empty()) return {};
    return status_of(lb_query_set(&query, option, value.c_str()));
}

Result<Query> query_of(const QueryQuestion& question) {
    Query query(lb_query_new(question.condition.c_str()), lb_query_free);
    if (!query) return Error{ErrorCode::kBug, "no memory for a query"};
    LB_TRY(set(*query, LB_QUERY_WHAT, question.what));
    LB_TRY(set(*query, LB_QUERY_SORT, question.sort));
    std::string fields;
    for (const std::string& field : question.fields) fields += (fields.empty() ? "" : ",") + field;
    LB_TRY(set(*query, LB_QUERY_FIELDS, fields));
    LB_TRY(set(*query, LB_QUERY_BY, question.by));
    return query;
}

}  // namespace

Result<Asker> Asker::connect(Context& context) {
    Consumer consumer(lb_consumer_new(), lb_consumer_free);
    if (!consumer) return Error{ErrorCode::kBug, "no memory for a connection"};
    const Settings& settings = context.settings;
    const std::string timeout_ms = std::to_string(settings.timeout_seconds * 1000LL);
    const std::pair<lb_consumer_option, const char*> options[] = {
        {LB_CONSUMER_SERVER, settings.server.c_str()},
        {LB_CONSUMER_CERTIFICATE, settings.certificate.c_str()},
        {LB_CONSUMER_KEY, settings.key.c_str()},
        {LB_CONSUMER_AUTHORITIES, settings.authorities.c_str()},
        {LB_CONSUMER_SERVER_NAME, settings.server_name.c_str()},
        {LB_CONSUMER_SOFTWARE, "lbctl " LB_VERSION},
        {LB_CONSUMER_TIMEOUT_MS, timeout_ms.c_str()}};
    for (const auto& [option, value] : options)
        LB_TRY(status_of(lb_consumer_set(consumer.get(), option, value)));
    const lb_answer connected = lb_consumer_connect(consumer.get());
    context.is_unreachable = connected == LB_ANSWER_RETRY;
    LB_TRY(status_of(connected));
    return Asker(context, std::move(consumer));
}

Result<std::string> Asker::ask(const Ask& question, const OnRow& on_row) {
    lb_rows* answered = nullptr;
    const Status status = status_of(question(consumer_.get(), &answered));
    const Rows rows(answered, lb_rows_free);
    LB_TRY(status);
    while (const char* const text = lb_rows_next(rows.get()))
        if (const Json row = Json::parse(text, nullptr, false); !row.is_discarded()) on_row(row);
    return std::string(lb_rows_cursor(rows.get()));
}

Result<std::string> Asker::ask(const Ask& question, const OnRow& on_row, Progress& progress) {
    lb_consumer_on_wait(consumer_.get(), tick, &progress);
    auto cursor = ask(question, on_row);
    lb_consumer_on_wait(consumer_.get(), nullptr, nullptr);
    return cursor;
}

Status Asker::ask_only(const Ask& question, const OnRow& on_row) {
    Progress progress(context_->err, [&] { return "no answer yet, " + progress.seconds_text(); });
    LB_TRY(ask(question, on_row, progress));
    return {};
}

Status Asker::status(const StatusQuestion& question, const OnRow& on_row) {
    std::vector<const char*> processes;
    for (const std::string& process : question.processes) processes.push_back(process.c_str());
    return ask_only(
        [&](lb_consumer* consumer, lb_rows** rows) {
            return lb_consumer_statuses(consumer, processes.data(), processes.size(),
                                        question.extras, question.at_us, question.known_at_us,
                                        rows);
        },
        on_row);
}

Status Asker::why(const std::string& process, const std::string& attribute, const OnRow& on_row) {
    return ask_only(
        [&](lb_consumer* consumer, lb_rows** rows) {
            return lb_consumer_why(consumer, process.c_str(), text_or_null(attribute), rows);
        },
        on_row);
}

Status Asker::history(const std::string& process, std::uint32_t events_max, const OnRow& on_row) {
    std::uint32_t events = 0;
    Progress progress(context_->err, [&] { return count_text(events) + " events"; });
    const OnRow count_and_hand = [&](const Json& row) {
        ++events;
        on_row(row);
    };
    std::string cursor;
    do {
        const std::uint32_t limit = events_max == 0 ? 0 : events_max - events;
        const auto page = [&](lb_consumer* consumer, lb_rows** rows) {
            return lb_consumer_history(consumer, process.c_str(), limit, text_or_null(cursor),
                                       rows);
        };
        LB_TRY_ASSIGN(cursor, ask(page, count_and_hand, progress));
        progress.tick();
    } while (!cursor.empty() && (events_max == 0 || events < events_max));
    return {};
}

Result<bool> Asker::query(const QueryQuestion& question, std::uint32_t rows_max,
                          const OnRow& on_row) {
    LB_TRY_ASSIGN(const Query query, query_of(question));
    std::uint32_t count = 0;
    std::uint64_t pages = 0;
    Progress progress(context_->err, [&] {
        return count_text(count) + " rows in " + count_text(pages) + " pages, " +
               progress.seconds_text();
    });
    const OnRow count_and_hand = [&](const Json& row) {
        ++count;
        on_row(row);
    };
    std::string cursor;
    while (true) {
        const std::uint32_t limit =
            rows_max == 0 ? kPageRows : std::min(kPageRows, rows_max - count);
        LB_TRY(set(*query, LB_QUERY_LIMIT, std::to_string(limit)));
        const auto page = [&](lb_consumer* consumer, lb_rows** rows) {
            return lb_consumer_query(consumer, query.get(), text_or_null(cursor), rows);
        };
        LB_TRY_ASSIGN(cursor, ask(page, count_and_hand, progress));
        ++pages;
        if (cursor.empty()) return false;
        if (rows_max != 0 && count >= rows_max) return true;
        progress.tick();
    }
}

Status Asker::watch(const std::string& condition, std::string& cursor, const OnRow& on_row) {
    const auto changes = [&](lb_consumer* consumer, lb_rows** rows) {
        return lb_consumer_watch(consumer, condition.c_str(), text_or_null(cursor),
                                 static_cast<int>(kWatchPatience.count()), rows);
    };
    LB_TRY_ASSIGN(cursor, ask(changes, on_row));
    return {};
}

}  // namespace lb::cli
