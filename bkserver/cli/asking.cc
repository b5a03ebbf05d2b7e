#include "bkserver/cli/asking.h"

#include <algorithm>

#include "bkserver/cli/progress.h"

namespace lb::cli {

namespace {

constexpr std::uint32_t kPageRows = 1000;
// As long as the server itself gives a change of a table.
constexpr std::chrono::hours kPatience{24};

void hand_rows(const lb::v1::Reply& reply, const OnRow& on_row) {
    for (const std::string& text : reply.rows()) {
        const Json row = Json::parse(text, nullptr, false);
        if (!row.is_discarded()) on_row(row);
    }
}

}  // namespace

Result<std::string> ask(net::Client& client, const lb::v1::Request& request, const OnRow& on_row) {
    std::string cursor;
    const Status status = client.ask(request, [&](const lb::v1::Reply& reply) {
        hand_rows(reply, on_row);
        cursor = reply.cursor();
        return true;
    });
    if (!status.ok()) return status.error();
    return cursor;
}

Result<std::string> ask(net::Client& client, const lb::v1::Request& request, const OnRow& on_row,
                        const std::function<void()>& on_wait) {
    std::string cursor;
    const Status status = client.ask(request,
                                     [&](const lb::v1::Reply& reply) {
                                         hand_rows(reply, on_row);
                                         cursor = reply.cursor();
                                         return true;
                                     },
                                     {kPatience, on_wait});
    if (!status.ok()) return status.error();
    return cursor;
}

Result<std::string> ask(const Settings& settings, const lb::v1::Request& request,
                        const OnRow& on_row) {
    LB_TRY_ASSIGN(const auto client, connect(settings));
    return ask(*client, request, on_row);
}

Status ask_patiently(Context& context, const lb::v1::Request& request, std::string_view instead,
                     const OnRow& on_row) {
    LB_TRY_ASSIGN(const auto client, connect(context.settings));
    const auto begin = std::chrono::steady_clock::now();
    Progress progress(context.err, [&] {
        const auto took = std::chrono::duration_cast<std::chrono::seconds>(
            std::chrono::steady_clock::now() - begin);
        return count_text(static_cast<std::uint64_t>(took.count())) + " s; " + std::string(instead);
    });
    LB_TRY(ask(*client, request, on_row, [&] { progress.tick(); }));
    return {};
}

Result<bool> ask_pages(Context& context, lb::v1::QueryRequest query, std::uint32_t rows_max,
                       const OnRow& on_row) {
    LB_TRY_ASSIGN(const auto client, connect(context.settings));
    std::uint32_t rows = 0;
    std::uint64_t pages = 0;
    Progress progress(
        context.err, [&] { return count_text(rows) + " rows in " + count_text(pages) + " pages"; });
    for (;; ++pages) {
        query.set_limit(rows_max == 0 ? kPageRows : std::min(kPageRows, rows_max - rows));
        lb::v1::Request request;
        *request.mutable_query() = query;
        LB_TRY_ASSIGN(std::string cursor, ask(*client, request, [&](const Json& row) {
                          ++rows;
                          on_row(row);
                      }));
        if (cursor.empty()) return false;
        if (rows_max != 0 && rows >= rows_max) return true;
        query.set_cursor(std::move(cursor));
        progress.tick();
    }
}

}  // namespace lb::cli
