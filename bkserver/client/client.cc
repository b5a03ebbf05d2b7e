// The C ABI over Consumer: no exception, no C++ type crosses it.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <initializer_list>
#include <mutex>

#include "bkserver/client/consumer.h"
#include "common/base/encoding.h"
#include "common/base/utf8.h"
#include "lb/consumer.h"
#include "lb/v1/wire.pb.h"

struct lb_consumer {
    std::mutex mutex;
    lb::consumer::Options options = lb::consumer::options_from_environment();
    lb_wait_hook wait_hook = nullptr;
    void* wait_data = nullptr;
    std::unique_ptr<lb::consumer::Consumer> connection;  // made by the first question
};

struct lb_query {
    lb::v1::QueryRequest request;
};

struct lb_rows {
    lb::consumer::Answer answer;  // its cursor in hexadecimal: no byte of it is a zero
    std::size_t next = 0;
};

namespace {

using lb::v1::QueryRequest;
using lb::v1::Request;

constexpr char kNoText[] = "the question is no UTF-8";

thread_local std::string last_text;

lb_answer answer_of(lb::ErrorCode code) {
    switch (code) {
        case lb::ErrorCode::kOk:
            return LB_ANSWER_OK;
        case lb::ErrorCode::kRetry:
        case lb::ErrorCode::kTimeout:
        case lb::ErrorCode::kCorrupt:
            return LB_ANSWER_RETRY;
        case lb::ErrorCode::kReject:
        case lb::ErrorCode::kConflict:
            return LB_ANSWER_REJECT;
        case lb::ErrorCode::kDenied:
            return LB_ANSWER_DENIED;
        case lb::ErrorCode::kNotFound:
            return LB_ANSWER_NOT_FOUND;
        case lb::ErrorCode::kFull:
            return LB_ANSWER_FULL;
        case lb::ErrorCode::kUnsupported:
            return LB_ANSWER_UNSUPPORTED;
        case lb::ErrorCode::kBug:
            break;
    }
    return LB_ANSWER_BUG;
}

lb_answer fail(const lb::Error& error) {
    last_text = error.text;
    return answer_of(error.code);
}

lb_answer reject(const char* text) {
    return fail({lb::ErrorCode::kReject, text});
}

// Runs `call`; an exception (there is no memory) becomes LB_ANSWER_BUG.
template <typename Call>
lb_answer guarded(Call call) {
    try {
        return call();
    } catch (...) {
        return LB_ANSWER_BUG;
    }
}

template <typename Number>
bool read_number(const char* text, Number& number) {
    const char* const end = text + std::strlen(text);
    const auto [stopped, problem] = std::from_chars(text, end, number);
    return problem == std::errc() && stopped == end && number > 0;
}

// protobuf would complain of others on the error stream. NULL is none.
bool are_texts(std::initializer_list<const char*> texts) {
    return std::all_of(texts.begin(), texts.end(),
                       [](const char* text) { return text == nullptr || lb::is_utf8(text); });
}

lb_answer set_option(lb_consumer& consumer, lb_consumer_option option, const char* value) {
    const std::lock_guard lock(consumer.mutex);
    if (consumer.connection) return reject("options must be set before the first question");
    lb::consumer::Options& options = consumer.options;
    switch (option) {
        case LB_CONSUMER_SERVER:
            options.server = value;
            return LB_ANSWER_OK;
        case LB_CONSUMER_CERTIFICATE:
            options.certificate = value;
            return LB_ANSWER_OK;
        case LB_CONSUMER_KEY:
            options.key = value;
            return LB_ANSWER_OK;
        case LB_CONSUMER_AUTHORITIES:
            options.authorities = value;
            return LB_ANSWER_OK;
        case LB_CONSUMER_SERVER_NAME:
            options.server_name = value;
            return LB_ANSWER_OK;
        case LB_CONSUMER_TIMEOUT_MS: {
            int timeout_ms = 0;
            if (!read_number(value, timeout_ms))
                return reject("the timeout must be a positive number of milliseconds");
            options.timeout = std::chrono::milliseconds(timeout_ms);
            return LB_ANSWER_OK;
        }
        case LB_CONSUMER_SOFTWARE:
            if (!lb::is_utf8(value)) return reject("the name of the software is no UTF-8");
            options.software = value;
            return LB_ANSWER_OK;
    }
    return reject("there is no such option");
}

lb_answer set_what(QueryRequest& request, std::string_view value) {
    constexpr std::pair<std::string_view, QueryRequest::What> kWords[] = {
        {"processes", QueryRequest::WHAT_PROCESSES},
        {"events", QueryRequest::WHAT_EVENTS},
        {"process-count", QueryRequest::WHAT_PROCESS_COUNT},
        {"event-count", QueryRequest::WHAT_EVENT_COUNT},
        {"process-terms", QueryRequest::WHAT_PROCESS_TERMS},
        {"event-terms", QueryRequest::WHAT_EVENT_TERMS}};
    for (const auto& [word, what] : kWords) {
        if (word != value) continue;
        request.set_what(what);
        return LB_ANSWER_OK;
    }
    return reject(
        "a query is for processes, events, process-count, event-count, process-terms or "
        "event-terms");
}

void set_fields(QueryRequest& request, std::string_view value) {
    request.clear_fields();
    while (!value.empty()) {
        const std::size_t end = std::min(value.find(','), value.size());
        if (end > 0) request.add_fields(std::string(value.substr(0, end)));
        value.remove_prefix(std::min(end + 1, value.size()));
    }
}

lb_answer set_option(QueryRequest& request, lb_query_option option, const char* value) {
    switch (option) {
        case LB_QUERY_WHAT:
            return set_what(request, value);
        case LB_QUERY_SORT:
            request.set_sort(value);
            return LB_ANSWER_OK;
        case LB_QUERY_FIELDS:
            set_fields(request, value);
            return LB_ANSWER_OK;
        case LB_QUERY_BY:
            request.set_by(value);
            return LB_ANSWER_OK;
        case LB_QUERY_LIMIT: {
            std::uint32_t limit = 0;
            if (!read_number(value, limit)) return reject("the limit must be a positive number");
            request.set_limit(limit);
            return LB_ANSWER_OK;
        }
    }
    return reject("there is no such option of a query");
}

lb_answer set_extras(lb::v1::StatusRequest& request, unsigned extras) {
    constexpr std::pair<lb_status_extra, const char*> kExtras[] = {
        {LB_STATUS_CLASSADS, "jdl_classad"},
        {LB_STATUS_CHILDSTAT, "children_states"},
        {LB_STATUS_HISTORY, "history"}};
    for (const auto& [extra, word] : kExtras) {
        if ((extras & extra) != 0) request.add_with(word);
        extras &= ~static_cast<unsigned>(extra);
    }
    return extras == 0 ? LB_ANSWER_OK : reject("a status has no such extra");
}

lb::Result<std::string> read_cursor(const char* cursor) {
    if (cursor == nullptr) return std::string();
    if (auto bytes = lb::from_hex(cursor)) return std::move(*bytes);
    return lb::Error{lb::ErrorCode::kReject,
                     "the cursor is none that lb_rows_cursor() gave; ask again without one"};
}

// Of a consumer whose mutex is held.
lb::consumer::Consumer& connection_of(lb_consumer& consumer) {
    if (!consumer.connection)
        consumer.connection =
            std::make_unique<lb::consumer::Consumer>(consumer.options, [&consumer] {
                return consumer.wait_hook == nullptr || consumer.wait_hook(consumer.wait_data) == 0;
            });
    return *consumer.connection;
}

// Asks by `ask`, if the question's texts are some, and hands the rows out.
template <typename Ask>
lb_answer answer(lb_consumer* consumer, std::initializer_list<const char*> texts, lb_rows** rows,
                 Ask ask) {
    return guarded([&] {
        *rows = nullptr;
        if (!are_texts(texts)) return reject(kNoText);
        const std::lock_guard lock(consumer->mutex);
        auto found = ask(connection_of(*consumer));
        if (!found.ok()) return fail(found.error());
        found->cursor = lb::to_hex(found->cursor);
        *rows = new lb_rows{std::move(*found), 0};
        return LB_ANSWER_OK;
    });
}

}  // namespace

extern "C" {

lb_consumer* lb_consumer_new(void) {
    try {
        return new lb_consumer;
    } catch (...) {
        return nullptr;
    }
}

void lb_consumer_free(lb_consumer* consumer) {
    delete consumer;
}

lb_answer lb_consumer_set(lb_consumer* consumer, lb_consumer_option option, const char* value) {
    if (consumer == nullptr || value == nullptr) return LB_ANSWER_REJECT;
    return guarded([&] { return set_option(*consumer, option, value); });
}

lb_answer lb_consumer_connect(lb_consumer* consumer) {
    if (consumer == nullptr) return LB_ANSWER_REJECT;
    return guarded([&] {
        const std::lock_guard lock(consumer->mutex);
        const lb::Status status = connection_of(*consumer).connect();
        return status.ok() ? LB_ANSWER_OK : fail(status.error());
    });
}

void lb_consumer_on_wait(lb_consumer* consumer, lb_wait_hook hook, void* data) {
    if (consumer == nullptr) return;
    guarded([&] {
        const std::lock_guard lock(consumer->mutex);
        consumer->wait_hook = hook;
        consumer->wait_data = data;
        return LB_ANSWER_OK;
    });
}

lb_answer lb_consumer_status(lb_consumer* consumer, const char* process, int64_t at_us,
                             lb_rows** rows) {
    return lb_consumer_statuses(consumer, &process, 1, 0, at_us, 0, rows);
}

lb_answer lb_consumer_statuses(lb_consumer* consumer, const char* const* processes,
                               size_t processes_count, unsigned extras, int64_t at_us,
                               int64_t known_at_us, lb_rows** rows) {
    if (consumer == nullptr || processes == nullptr || rows == nullptr) return LB_ANSWER_REJECT;
    return guarded([&] {
        *rows = nullptr;
        Request request;
        lb::v1::StatusRequest& status = *request.mutable_status();
        for (std::size_t i = 0; i < processes_count; ++i) {
            if (processes[i] == nullptr) return LB_ANSWER_REJECT;
            if (!are_texts({processes[i]})) return reject(kNoText);
            status.add_processes(processes[i]);
        }
        status.set_at_us(at_us);
        status.set_known_at_us(known_at_us);
        if (const lb_answer set = set_extras(status, extras); set != LB_ANSWER_OK) return set;
        return answer(consumer, {}, rows,
                      [&](lb::consumer::Consumer& connection) { return connection.ask(request); });
    });
}

lb_answer lb_consumer_why(lb_consumer* consumer, const char* process, const char* attribute,
                          lb_rows** rows) {
    if (consumer == nullptr || process == nullptr || rows == nullptr) return LB_ANSWER_REJECT;
    return answer(consumer, {process, attribute}, rows, [&](lb::consumer::Consumer& connection) {
        Request request;
        request.mutable_why()->set_process(process);
        if (attribute != nullptr) request.mutable_why()->set_attribute(attribute);
        return connection.ask(request);
    });
}

lb_answer lb_consumer_history(lb_consumer* consumer, const char* process, uint32_t limit,
                              const char* cursor, lb_rows** rows) {
    if (consumer == nullptr || process == nullptr || rows == nullptr) return LB_ANSWER_REJECT;
    return answer(consumer, {process}, rows,
                  [&](lb::consumer::Consumer& connection) -> lb::Result<lb::consumer::Answer> {
                      Request request;
                      request.mutable_history()->set_process(process);
                      request.mutable_history()->set_limit(limit);
                      LB_TRY_ASSIGN(*request.mutable_history()->mutable_cursor(),
                                    read_cursor(cursor));
                      return connection.ask(request);
                  });
}

lb_query* lb_query_new(const char* condition) {
    try {
        auto query = std::make_unique<lb_query>();
        if (condition != nullptr) query->request.set_condition(condition);
        return query.release();
    } catch (...) {
        return nullptr;
    }
}

void lb_query_free(lb_query* query) {
    delete query;
}

lb_answer lb_query_set(lb_query* query, lb_query_option option, const char* value) {
    if (query == nullptr || value == nullptr) return LB_ANSWER_REJECT;
    return guarded([&] {
        if (!are_texts({value})) return reject("the option is no UTF-8");
        return set_option(query->request, option, value);
    });
}

lb_answer lb_consumer_query(lb_consumer* consumer, const lb_query* query, const char* cursor,
                            lb_rows** rows) {
    if (consumer == nullptr || query == nullptr || rows == nullptr) return LB_ANSWER_REJECT;
    return answer(consumer, {query->request.condition().c_str()}, rows,
                  [&](lb::consumer::Consumer& connection) -> lb::Result<lb::consumer::Answer> {
                      Request request;
                      *request.mutable_query() = query->request;
                      LB_TRY_ASSIGN(*request.mutable_query()->mutable_cursor(),
                                    read_cursor(cursor));
                      return connection.ask(request);
                  });
}

lb_answer lb_consumer_watch(lb_consumer* consumer, const char* condition, const char* cursor,
                            int timeout_ms, lb_rows** rows) {
    if (consumer == nullptr || rows == nullptr) return LB_ANSWER_REJECT;
    return answer(consumer, {condition}, rows,
                  [&](lb::consumer::Consumer& connection) -> lb::Result<lb::consumer::Answer> {
                      lb::v1::ChangesRequest changes;
                      if (condition != nullptr) changes.set_condition(condition);
                      LB_TRY_ASSIGN(*changes.mutable_cursor(), read_cursor(cursor));
                      return connection.watch(std::move(changes),
                                              std::chrono::milliseconds(timeout_ms));
                  });
}

const char* lb_rows_next(lb_rows* rows) {
    if (rows == nullptr || rows->next == rows->answer.rows.size()) return nullptr;
    return rows->answer.rows[rows->next++].c_str();
}

size_t lb_rows_count(const lb_rows* rows) {
    return rows == nullptr ? 0 : rows->answer.rows.size();
}

const char* lb_rows_cursor(const lb_rows* rows) {
    return rows == nullptr ? "" : rows->answer.cursor.c_str();
}

void lb_rows_free(lb_rows* rows) {
    delete rows;
}

const char* lb_consumer_last_text(void) {
    return last_text.c_str();
}

}  // extern "C"
