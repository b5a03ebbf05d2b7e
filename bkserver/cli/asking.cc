#include "bkserver/cli/asking.h"

#include <algorithm>

#include "bkserver/cli/progress.h"

namespace lb::cli {

namespace {

constexpr std::uint32_t kPageRows = 1000;

}  // namespace

Result<std::string> ask(net::Client& client, const lb::v1::Request& request, const OnRow& on_row) {
    std::string cursor;
    const Status status = client.ask(request, [&](const lb::v1::Reply& reply) {
        for (const std::string& text : reply.rows()) {
            Json row = Json::parse(text, nullptr, false);
            if (!row.is_discarded()) on_row(row);
        }
        cursor = reply.cursor();
        return true;
    });
    if (!status.ok()) return status.error();
    return cursor;
}

Result<std::string> ask(const Settings& settings, const lb::v1::Request& request,
                        const OnRow& on_row) {
    LB_TRY_ASSIGN(const auto client, connect(settings));
    return ask(*client, request, on_row);
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
