// Service's answers about queries, changes and indices.
#include <chrono>

#include "bkserver/query/changes.h"
#include "bkserver/query/indices.h"
#include "bkserver/query/search.h"
#include "bkserver/query/service.h"
#include "common/base/ascii.h"

namespace lb::query {

namespace {

// For people who look for what was slow.
std::string words_of(const lb::v1::QueryRequest& ask) {
    constexpr std::string_view kPrefix = "WHAT_";
    std::string words = lower_case(lb::v1::QueryRequest::What_Name(ask.what()));
    words.erase(0, kPrefix.size());
    if (!ask.by().empty()) words += " by " + ask.by();
    if (!ask.sort().empty()) words += " sorted by " + ask.sort();
    return words + ": " + ask.condition();
}

}  // namespace

Status Service::answer_query(const Asker& asker, const lb::v1::QueryRequest& ask,
                             ReplyWriter& writer) {
    const auto begin = std::chrono::steady_clock::now();
    const Status status = find(asker, ask, writer);
    administration_.note_query(asker.identity, words_of(ask),
                               std::chrono::duration_cast<std::chrono::milliseconds>(
                                   std::chrono::steady_clock::now() - begin));
    return status;
}

Status Service::find(const Asker& asker, const lb::v1::QueryRequest& ask, ReplyWriter& writer) {
    using Ask = lb::v1::QueryRequest;
    const SearchContext context = {reader_, policy_, asker.identity, asker.now_us};
    const auto add_row = [&](const Row& row) { writer.add_row(row); };
    switch (ask.what()) {
        case Ask::WHAT_PROCESSES: {
            LB_TRY_ASSIGN(auto cursor, search_processes(context, ask, add_row));
            writer.set_cursor(std::move(cursor));
            return {};
        }
        case Ask::WHAT_EVENTS: {
            LB_TRY_ASSIGN(auto cursor, search_events(context, ask, add_row));
            writer.set_cursor(std::move(cursor));
            return {};
        }
        case Ask::WHAT_PROCESS_COUNT:
            return count_processes(context, ask, add_row);
        case Ask::WHAT_EVENT_COUNT:
            return count_events(context, ask, add_row);
        case Ask::WHAT_PROCESS_TERMS:
        case Ask::WHAT_EVENT_TERMS:
            list_terms(ask.what() == Ask::WHAT_EVENT_TERMS, add_row);
            return {};
        case lb::v1::QueryRequest_What_QueryRequest_What_INT_MIN_SENTINEL_DO_NOT_USE_:
        case lb::v1::QueryRequest_What_QueryRequest_What_INT_MAX_SENTINEL_DO_NOT_USE_:
            break;
    }
    return Error{ErrorCode::kUnsupported, "this server does not know that kind of query"};
}

Status Service::answer_changes(const Asker& asker, const lb::v1::ChangesRequest& ask,
                               ReplyWriter& writer) {
    const SearchContext context = {reader_, policy_, asker.identity, asker.now_us};
    LB_TRY_ASSIGN(auto cursor,
                  list_changes(context, ask, [&](const Row& row) { writer.add_row(row); }));
    writer.set_cursor(std::move(cursor));
    return {};
}

Status Service::answer_index(const Asker& asker, const lb::v1::IndexRequest& ask,
                             ReplyWriter& writer) {
    LB_TRY(must_administer(asker));
    const auto add_row = [&](const Row& row) { writer.add_row(row); };
    switch (ask.act()) {
        case lb::v1::IndexRequest::ACT_LIST:
            return list_indices(reader_, add_row);
        case lb::v1::IndexRequest::ACT_ADD: {
            LB_TRY_ASSIGN(const std::string name, add_index(reader_, ask));
            administration_.audit(asker.identity, "added index", name, {});
            writer.add_row({{"name", name}, {"added", true}});
            return {};
        }
        case lb::v1::IndexRequest::ACT_DROP:
            LB_TRY(reader_.drop_index(ask.name()));
            administration_.audit(asker.identity, "dropped index", ask.name(), {});
            writer.add_row({{"name", ask.name()}, {"dropped", true}});
            return {};
        case lb::v1::IndexRequest_Act_IndexRequest_Act_INT_MIN_SENTINEL_DO_NOT_USE_:
        case lb::v1::IndexRequest_Act_IndexRequest_Act_INT_MAX_SENTINEL_DO_NOT_USE_:
            break;
    }
    return Error{ErrorCode::kUnsupported, "this server does not know that act on indices"};
}

}  // namespace lb::query
