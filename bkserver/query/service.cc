#include "bkserver/query/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "bkserver/query/counting.h"
#include "bkserver/query/dump.h"
#include "bkserver/query/evidence.h"
#include "bkserver/query/sight.h"
#include "bkserver/query/status_extras.h"
#include "bkserver/query/views.h"

namespace lb::query {

namespace {

std::uint32_t limit_of(std::uint32_t asked, std::uint32_t normal, std::uint32_t greatest) {
    return asked == 0 ? normal : std::min(asked, greatest);
}

Result<std::uint32_t> number_of_cursor(std::string_view cursor) {
    std::uint32_t number = 0;
    if (cursor.empty()) return number;
    const auto [end, problem] =
        std::from_chars(cursor.data(), cursor.data() + cursor.size(), number);
    if (problem != std::errc() || end != cursor.data() + cursor.size())
        return Error{ErrorCode::kReject,
                     "the cursor is none that this server gave; ask again without one"};
    return number;
}

// 0 of an empty word: any type.
Result<std::uint16_t> type_of_word(std::string_view word) {
    const auto type = static_cast<std::uint16_t>(state::process_type_from_word(word));
    if (type != 0 || word.empty()) return type;
    return Error{
        ErrorCode::kReject,
        fmt::format("'{}' is no type of process; for example virtual_machine or simple", word)};
}

Result<store::Filter> filter_of(const lb::v1::ListRequest& ask) {
    using store::Column;
    std::vector<store::Clause> clauses;
    LB_TRY_ASSIGN(const std::uint16_t type, type_of_word(ask.type()));
    if (type != 0) clauses.push_back({Column::kType, store::Match::kOneOf, {}, {type}});
    for (const auto& [column, text] :
         {std::pair(Column::kState, ask.state()), std::pair(Column::kVmState, ask.vm_state()),
          std::pair(Column::kHost, ask.host()), std::pair(Column::kOwner, ask.owner())})
        if (!text.empty()) clauses.push_back({column, store::Match::kOneOf, {text}});
    return store::Filter::all_of(std::move(clauses));
}

// Where a question has its cursor; nowhere if it has no pages.
std::string* cursor_in(lb::v1::Request& request) {
    switch (request.question_case()) {
        case lb::v1::Request::kHistory:
            return request.mutable_history()->mutable_cursor();
        case lb::v1::Request::kList:
            return request.mutable_list()->mutable_cursor();
        case lb::v1::Request::kQuery:
            return request.mutable_query()->mutable_cursor();
        case lb::v1::Request::kChanges:
            return request.mutable_changes()->mutable_cursor();
        case lb::v1::Request::kRebuild:
            return request.mutable_rebuild()->mutable_cursor();
        case lb::v1::Request::kDump:
            return request.mutable_dump()->mutable_cursor();
        case lb::v1::Request::kToken:
            return request.mutable_token()->mutable_cursor();
        case lb::v1::Request::kStatus:
        case lb::v1::Request::kWhy:
        case lb::v1::Request::kDead:
        case lb::v1::Request::kServer:
        case lb::v1::Request::kPolicy:
        case lb::v1::Request::kIndex:
        case lb::v1::Request::QUESTION_NOT_SET:
            break;
    }
    return nullptr;
}

bool has_ended(std::string_view state) {
    for (const state::MainState end : {state::MainState::kDone, state::MainState::kAborted,
                                       state::MainState::kCancelled, state::MainState::kCleared})
        if (state == state::to_string(end)) return true;
    return false;
}

// A list by what somebody may not see would tell it.
bool may_filter(const lb::v1::ListRequest& ask, authz::View view) {
    return view != authz::View::kNone && (ask.owner().empty() || may_filter_by("owner", view)) &&
           (ask.host().empty() || may_filter_by("vm_phy_hostname", view));
}

}  // namespace

void Service::answer(const Asker& asker, const lb::v1::Request& request, const SendReply& send) {
    ReplyWriter writer(request.id(), send);
    const Status status = answer_page(asker, request, writer);
    if (status.ok())
        writer.finish();
    else
        writer.fail(status.error());
}

Result<const CursorSeal*> Service::seal() {
    if (!seal_) {
        LB_TRY_ASSIGN(const std::string secret, reader_.secret());
        seal_.emplace(secret);
    }
    return &*seal_;
}

Status Service::answer_page(const Asker& asker, const lb::v1::Request& request,
                            ReplyWriter& writer) {
    lb::v1::Request opened = request;
    std::string* const cursor = cursor_in(opened);
    if (cursor == nullptr) return dispatch(asker, request, writer);
    LB_TRY_ASSIGN(const CursorSeal* const seal, this->seal());
    if (!cursor->empty()) {
        LB_TRY_ASSIGN(*cursor, seal->open(*cursor, request.question_case()));
    }
    LB_TRY(dispatch(asker, opened, writer));
    writer.set_cursor(seal->seal(writer.cursor(), request.question_case()));
    return {};
}

Status Service::dispatch(const Asker& asker, const lb::v1::Request& request, ReplyWriter& writer) {
    switch (request.question_case()) {
        case lb::v1::Request::kStatus:
            return answer_status(asker, request.status(), writer);
        case lb::v1::Request::kWhy:
            return answer_why(asker, request.why(), writer);
        case lb::v1::Request::kHistory:
            return answer_history(asker, request.history(), writer);
        case lb::v1::Request::kList:
            return answer_list(asker, request.list(), writer);
        case lb::v1::Request::kQuery:
            return answer_query(asker, request.query(), writer);
        case lb::v1::Request::kChanges:
            return answer_changes(asker, request.changes(), writer);
        case lb::v1::Request::kIndex:
            return answer_index(asker, request.index(), writer);
        case lb::v1::Request::kDead:
            LB_TRY(must_administer(asker));
            if (request.dead().act() == lb::v1::DeadLetterRequest::ACT_REPLAY ||
                request.dead().act() == lb::v1::DeadLetterRequest::ACT_DROP)
                administration_.audit(asker.identity, "replayed or dropped dead letter",
                                      std::to_string(request.dead().number()), {});
            return answer_dead(request.dead(), writer);
        case lb::v1::Request::kRebuild:
            LB_TRY(must_administer(asker));
            if (!request.rebuild().compare_only())
                administration_.audit(asker.identity, "rebuilt", request.rebuild().process(), {});
            return answer_rebuild(request.rebuild(), writer);
        case lb::v1::Request::kDump:
            return answer_dump(asker, request.dump(), writer);
        case lb::v1::Request::kServer:
            return answer_server(asker, request.server(), writer);
        case lb::v1::Request::kToken:
            return answer_token(asker, request.token(), writer);
        case lb::v1::Request::kPolicy:
            return answer_policy(asker, request.policy(), writer);
        case lb::v1::Request::QUESTION_NOT_SET:
            break;
    }
    return Error{ErrorCode::kUnsupported,
                 "this server does not know the question; it may be older than the client"};
}

Result<Service::Readable> Service::readable_process(const Asker& asker, std::string_view name) {
    LB_TRY_ASSIGN(FoundProcess found, finder_.find(name));
    Readable readable{std::move(found)};
    const store::Process& process = readable.sighted.process;
    LB_TRY_ASSIGN(const authz::Reading reading,
                  reading_of(reader_, policy_, asker.identity, process));
    if (reading.view == authz::View::kNone) {
        administration_.audit(asker.identity, "read", process.id, reading.reason);
        return Error{ErrorCode::kDenied, reading.reason};
    }
    if (process.type == 0)
        return Error{ErrorCode::kNotFound,
                     fmt::format("{} is not registered yet; {} of its events wait for that",
                                 process.id, process.waiting)};
    readable.view = reading.view;
    return readable;
}

Result<Service::Readable> Service::wholly_readable_process(const Asker& asker,
                                                           std::string_view name) {
    LB_TRY_ASSIGN(Readable readable, readable_process(asker, name));
    if (readable.view == authz::View::kFull) return readable;
    const std::string reason =
        fmt::format("you may see a {} status of {}, not its events",
                    authz::to_string(readable.view), readable.sighted.process.id);
    administration_.audit(asker.identity, "read the events of", readable.sighted.process.id,
                          reason);
    return Error{ErrorCode::kDenied, reason};
}

Status Service::must_administer(const Asker& asker) const {
    const auto decision = policy_.may_administer(asker.identity);
    if (decision.is_allowed) return {};
    administration_.audit(asker.identity, "administer", {}, decision.reason);
    return Error{ErrorCode::kDenied, decision.reason};
}

Result<Row> Service::status_of(const Asker& asker, std::string_view name, const AsOf& as_of) {
    LB_TRY_ASSIGN(Readable readable, readable_process(asker, name));
    const store::Process& process = readable.sighted.process;
    if (!as_of.is_now()) {
        LB_TRY_ASSIGN(Row row, past_status_of(process, as_of));
        restrict_row(row, readable.view, policy_.salt());
        return row;
    }
    if (!readable.known) {
        LB_TRY_ASSIGN(readable.known, memory_.processes.learn(name, process));
    }
    const state::Registers& registers = readable.known->registers;
    LB_TRY_ASSIGN(const auto children, Counting(reader_).children_of(process));
    Row row = readable.known->status.is_null()
                  ? state::derive(registers, process.id, children).attributes
                  : readable.known->status;
    LB_TRY(settle_connections(
        row, [](const store::Process& other) -> Result<bool> { return has_ended(other.state); }));
    LB_TRY(show_children(process, children.size(), row));
    LB_TRY_ASSIGN(const auto view, view_of(readable, registers, asker.now_us));
    add_view(row, view);
    restrict_row(row, readable.view, policy_.salt());
    return row;
}

Result<state::View> Service::view_of(const Readable& readable, const state::Registers& registers,
                                     std::int64_t now_us) {
    LB_TRY_ASSIGN(const auto input, memory_.loggers.sightings_of(
                                        reader_, readable.sighted.heartbeats, registers, now_us));
    return state::view(registers, input);
}

Result<Row> Service::past_status_of(const store::Process& process, const AsOf& as_of) {
    Past past(reader_, as_of);
    LB_TRY_ASSIGN(PastStatus then, past.status_of(process));
    Row row = std::move(then.status.attributes);
    LB_TRY(settle_connections(row, [&](const store::Process& other) -> Result<bool> {
        const auto status = past.status_of(other);
        if (status.ok()) return state::ends_relations(status->status.state);
        if (status.error().code == ErrorCode::kNotFound) return false;
        return status.error();
    }));
    if (then.children.size() > kChildrenShownMax)
        row["truncated"].push_back("children");
    else if (!then.children.empty())
        row["children"] = std::move(then.children);
    return row;
}

// Their ids, unless they are more than a status names: those are asked for page by page.
Status Service::show_children(const store::Process& process, std::size_t count, Row& row) {
    if (count == 0) return {};
    if (count > kChildrenShownMax) {
        row["truncated"].push_back("children");
        return {};
    }
    LB_TRY_ASSIGN(const auto relations, reader_.children_of(process.number));
    std::vector<store::ProcessNumber> numbers;
    for (const store::Relation& relation : relations) numbers.push_back(relation.child);
    LB_TRY_ASSIGN(const auto ids, reader_.ids_of(numbers));
    row["children"] = ids;
    return {};
}

// An end of a relation knows whether it has ended itself; here what became of the other one.
Status Service::settle_connections(Row& row, const HasEnded& has_ended) {
    const auto connections = row.find("connections");
    if (connections == row.end()) return {};
    for (Row& connection : *connections) {
        if (connection["state"] != "active") continue;
        LB_TRY_ASSIGN(const auto other,
                      reader_.find_process(connection["to"].get_ref<const std::string&>()));
        if (!other) continue;
        LB_TRY_ASSIGN(const bool is_over, has_ended(*other));
        if (is_over) connection["state"] = "inactive";
    }
    return {};
}

// Of a question about several: the next ones.
void Service::read_ahead(const lb::v1::StatusRequest& ask, int first) {
    if (ask.processes_size() == 1 || first % kReadAheadMax != 0) return;
    const auto begin = ask.processes().begin() + first;
    const auto end = begin + std::min(kReadAheadMax, ask.processes_size() - first);
    read_ahead(std::vector<std::string>(begin, end));
}

Status Service::answer_status(const Asker& asker, const lb::v1::StatusRequest& ask,
                              ReplyWriter& writer) {
    if (ask.processes_size() == 0)
        return Error{ErrorCode::kReject, "the question names no process"};
    if (ask.processes_size() > kStatusProcessesMax)
        return Error{ErrorCode::kFull, fmt::format("{} processes in one question, more than {}",
                                                   ask.processes_size(), kStatusProcessesMax)};
    LB_TRY(check_extras(ask));
    for (int i = 0; i < ask.processes_size(); ++i) {
        read_ahead(ask, i);
        const std::string& name = ask.processes(i);
        auto row = status_of(asker, name, {ask.at_us(), ask.known_at_us()});
        const Status added = row.ok() ? add_extras(asker, ask, *row) : Status();
        if (!added.ok()) row = added.error();
        // One question about several processes is answered for those that can be shown.
        if (row.ok())
            writer.add_row(*row);
        else if (ask.processes_size() == 1)
            return row.error();
        else
            writer.add_row({{"process", name},
                            {"error", to_string(row.error().code)},
                            {"text", row.error().text}});
    }
    read_ahead(std::span<const std::string>());
    return {};
}

Status Service::answer_why(const Asker& asker, const lb::v1::WhyRequest& ask, ReplyWriter& writer) {
    LB_TRY_ASSIGN(const auto readable, wholly_readable_process(asker, ask.process()));
    const store::Process& process = readable.sighted.process;
    LB_TRY_ASSIGN(const auto registers, state::Registers::decode(process.registers));
    const std::string attribute = !ask.attribute().empty()   ? ask.attribute()
                                  : process.vm_state.empty() ? "state"
                                                             : "vm_state";
    LB_TRY_ASSIGN(const auto children, Counting(reader_).children_of(process));
    LB_TRY_ASSIGN(const auto explanation, state::explain(registers, attribute, children));
    LB_TRY_ASSIGN(Row row, explanation_row(reader_, process, explanation));
    LB_TRY_ASSIGN(const auto view, view_of(readable, registers, asker.now_us));
    Row evidence = evidence_rows(registers, readable.sighted.heartbeats, asker.now_us);
    if (!evidence.empty()) row["evidence"] = std::move(evidence);
    add_view(row, view);
    writer.add_row(row);
    return {};
}

Status Service::answer_history(const Asker& asker, const lb::v1::HistoryRequest& ask,
                               ReplyWriter& writer) {
    LB_TRY_ASSIGN(const auto readable, wholly_readable_process(asker, ask.process()));
    const std::uint32_t limit = limit_of(ask.limit(), kHistoryEventsDefault, kHistoryEventsMax);
    LB_TRY_ASSIGN(auto cursor,
                  memory_.timelines.write(reader_, readable.sighted.process, {ask.cursor(), limit},
                                          [&](const Row& row) { writer.add_row(row); }));
    writer.set_cursor(std::move(cursor));
    return {};
}

Status Service::answer_list(const Asker& asker, const lb::v1::ListRequest& ask,
                            ReplyWriter& writer) {
    const std::uint32_t limit = limit_of(ask.limit(), kListRowsDefault, kListRowsMax);
    LB_TRY_ASSIGN(auto filter, filter_of(ask));
    LB_TRY_ASSIGN(store::ProcessNumber after, number_of_cursor(ask.cursor()));
    store::ProcessSelection selection{
        .filter = within_reach(std::move(filter), policy_, asker.identity), .limit = limit};
    // What the asker may not read is passed over; a page may therefore take several looks, and ends
    // early, with a cursor, when most of what is within its reach may not be read after all.
    constexpr int kLooksMax = 20;
    std::uint32_t shown = 0;
    for (int look = 0; look < kLooksMax && shown < limit; ++look) {
        selection.after = store::Place{0, after};
        LB_TRY_ASSIGN(const auto processes, reader_.search_processes(selection));
        for (const store::Process& process : processes) {
            after = process.number;
            LB_TRY_ASSIGN(const authz::Reading reading,
                          reading_of(reader_, policy_, asker.identity, process));
            if (!may_filter(ask, reading.view)) continue;
            Row row = list_row(process);
            restrict_row(row, reading.view, policy_.salt());
            writer.add_row(row);
            if (++shown == limit) break;
        }
        if (processes.size() < limit) return {};
    }
    writer.set_cursor(std::to_string(after));
    return {};
}

Status Service::list_dead(const lb::v1::DeadLetterRequest& ask, ReplyWriter& writer) {
    const std::uint32_t limit = limit_of(ask.limit(), kListRowsDefault, kListRowsMax);
    const std::uint64_t after = ask.number() == 0 ? 0 : ask.number() - 1;
    LB_TRY_ASSIGN(const auto letters, reader_.list_dead_letters(after, limit));
    for (const store::DeadLetter& letter : letters) writer.add_row(dead_letter_row(letter));
    if (letters.size() == limit) writer.set_cursor(std::to_string(letters.back().number + 1));
    return {};
}

Status Service::answer_dead(const lb::v1::DeadLetterRequest& ask, ReplyWriter& writer) {
    switch (ask.act()) {
        case lb::v1::DeadLetterRequest::ACT_LIST:
            return list_dead(ask, writer);
        case lb::v1::DeadLetterRequest::ACT_SHOW: {
            LB_TRY_ASSIGN(const auto letter, reader_.get_dead_letter(ask.number()));
            if (!letter)
                return Error{ErrorCode::kNotFound,
                             fmt::format("there is no dead letter {}", ask.number())};
            writer.add_row(dead_letter_details(*letter));
            return {};
        }
        case lb::v1::DeadLetterRequest::ACT_REPLAY: {
            LB_TRY_ASSIGN(const auto row, administration_.replay_dead_letter(ask.number()));
            writer.add_row(row);
            return {};
        }
        case lb::v1::DeadLetterRequest::ACT_DROP:
            LB_TRY(administration_.drop_dead_letter(ask.number()));
            writer.add_row({{"number", ask.number()}, {"dropped", true}});
            return {};
        case lb::v1::DeadLetterRequest_Act_DeadLetterRequest_Act_INT_MIN_SENTINEL_DO_NOT_USE_:
        case lb::v1::DeadLetterRequest_Act_DeadLetterRequest_Act_INT_MAX_SENTINEL_DO_NOT_USE_:
            break;
    }
    return Error{ErrorCode::kUnsupported, "this server does not know that act on dead letters"};
}

Status Service::answer_rebuild(const lb::v1::RebuildRequest& ask, ReplyWriter& writer) {
    RebuildQuestion question{.process = ask.process(), .compare_only = ask.compare_only()};
    LB_TRY_ASSIGN(question.type, type_of_word(ask.type()));
    LB_TRY_ASSIGN(question.after, number_of_cursor(ask.cursor()));
    LB_TRY_ASSIGN(const std::uint32_t after,
                  administration_.rebuild(question, [&](const Row& row) { writer.add_row(row); }));
    if (after != 0) writer.set_cursor(std::to_string(after));
    return {};
}

Status Service::answer_dump(const Asker& asker, const lb::v1::DumpRequest& ask,
                            ReplyWriter& writer) {
    DumpPage page;
    if (ask.from_us() != 0) page.from_us = ask.from_us();
    if (ask.to_us() != 0) page.to_us = ask.to_us();
    page.cursor = ask.cursor();
    page.limit = limit_of(ask.limit(), kDumpEventsDefault, kDumpEventsMax);
    const auto on_line = [&](std::string line) { writer.add_line(std::move(line)); };
    std::string cursor;
    if (ask.process().empty()) {
        LB_TRY(must_administer(asker));
        LB_TRY_ASSIGN(cursor, dump_arrivals(reader_, page, on_line));
    } else {
        LB_TRY_ASSIGN(const auto readable, wholly_readable_process(asker, ask.process()));
        LB_TRY_ASSIGN(cursor,
                      dump_process(reader_, readable.sighted.process.number, page, on_line));
    }
    writer.set_cursor(std::move(cursor));
    return {};
}

Status Service::answer_server(const Asker& asker, const lb::v1::ServerRequest& ask,
                              ReplyWriter& writer) {
    switch (ask.what()) {
        case lb::v1::ServerRequest::WHAT_VERSION:
            writer.add_row(administration_.version());
            return {};
        case lb::v1::ServerRequest::WHAT_HEALTH:
            writer.add_row(administration_.health());
            return {};
        case lb::v1::ServerRequest::WHAT_METRICS:
            LB_TRY(must_administer(asker));
            writer.add_row({{"metrics", administration_.metrics()}});
            return {};
        case lb::v1::ServerRequest::WHAT_FORWARDERS: {
            LB_TRY(must_administer(asker));
            const Row rows = administration_.forwarders();
            for (const Row& row : rows) writer.add_row(row);
            return {};
        }
        case lb::v1::ServerRequest_What_ServerRequest_What_INT_MIN_SENTINEL_DO_NOT_USE_:
        case lb::v1::ServerRequest_What_ServerRequest_What_INT_MAX_SENTINEL_DO_NOT_USE_:
            break;
    }
    return Error{ErrorCode::kUnsupported, "this server cannot tell that about itself"};
}

}  // namespace lb::query
