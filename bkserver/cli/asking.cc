#include "bkserver/cli/asking.h"

#include <algorithm>

#include "bkserver/cli/progress.h"

namespace lb::cli {

namespace {

constexpr std::uint32_t kPageRows = 1000;
// As long as the server itself gives a change of a table.
constexpr std::chrono::hours kPatience{24};

using Clock = std::chrono::steady_clock;

std::string seconds_text(Clock::time_point begin) {
    const auto took = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begin);
    return count_text(static_cast<std::uint64_t>(took.count())) + " s";
}

void hand_rows(const lb::v1::Reply& reply, const OnRow& on_row) {
    for (const std::string& text : reply.rows()) {
        const Json row = Json::parse(text, nullptr, false);
        if (!row.is_discarded()) on_row(row);
    }
}

// Hands out rows; `cursor` becomes the last one that came. Both outlive it.
std::function<bool(const lb::v1::Reply&)> collect(const OnRow& on_row, std::string& cursor) {
    return [&on_row, &cursor](const lb::v1::Reply& reply) {
        hand_rows(reply, on_row);
        cursor = reply.cursor();
        return true;
    };
}

}  // namespace

net::Patience patience_of(const Context& context, std::function<void()> on_wait) {
    return {std::chrono::seconds(context.settings.timeout_seconds), std::move(on_wait)};
}

net::Patience patience_for_hours(std::function<void()> on_wait) {
    return {kPatience, std::move(on_wait)};
}

Result<std::string> ask(net::Client& client, const lb::v1::Request& request, const OnRow& on_row) {
    std::string cursor;
    LB_TRY(client.ask(request, collect(on_row, cursor)));
    return cursor;
}

Result<std::string> ask(net::Client& client, const lb::v1::Request& request, const OnRow& on_row,
                        const net::Patience& patience) {
    std::string cursor;
    LB_TRY(client.ask(request, collect(on_row, cursor), patience));
    return cursor;
}

Result<std::string> ask(Context& context, const lb::v1::Request& request, const OnRow& on_row) {
    LB_TRY_ASSIGN(const auto client, connect(context));
    const auto begin = Clock::now();
    Progress progress(context.err, [&] { return "no answer yet, " + seconds_text(begin); });
    return ask(*client, request, on_row, patience_of(context, [&] { progress.tick(); }));
}

Status ask_patiently(Context& context, const lb::v1::Request& request, std::string_view instead,
                     const OnRow& on_row) {
    LB_TRY_ASSIGN(const auto client, connect(context));
    const auto begin = Clock::now();
    Progress progress(context.err,
                      [&] { return seconds_text(begin) + "; " + std::string(instead); });
    LB_TRY(ask(*client, request, on_row, patience_for_hours([&] { progress.tick(); })));
    return {};
}

Result<bool> ask_pages(Context& context, lb::v1::QueryRequest query, std::uint32_t rows_max,
                       const OnRow& on_row) {
    LB_TRY_ASSIGN(const auto client, connect(context));
    std::uint32_t rows = 0;
    std::uint64_t pages = 0;
    const auto begin = Clock::now();
    Progress progress(context.err, [&] {
        return count_text(rows) + " rows in " + count_text(pages) + " pages, " +
               seconds_text(begin);
    });
    const net::Patience patience = patience_of(context, [&] { progress.tick(); });
    const OnRow count_and_hand = [&](const Json& row) {
        ++rows;
        on_row(row);
    };
    for (;; ++pages) {
        query.set_limit(rows_max == 0 ? kPageRows : std::min(kPageRows, rows_max - rows));
        lb::v1::Request request;
        *request.mutable_query() = query;
        LB_TRY_ASSIGN(std::string cursor, ask(*client, request, count_and_hand, patience));
        if (cursor.empty()) return false;
        if (rows_max != 0 && rows >= rows_max) return true;
        query.set_cursor(std::move(cursor));
        progress.tick();
    }
}

}  // namespace lb::cli
