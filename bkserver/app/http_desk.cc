#include "bkserver/app/http_desk.h"

#include <algorithm>
#include <charconv>

#include "bkserver/app/http_ingest.h"
#include "bkserver/app/messages.h"
#include "bkserver/book/intake.h"
#include "bkserver/query/search.h"
#include "common/base/ascii.h"
#include "common/base/encoding.h"
#include "common/base/quoted.h"
#include "common/env/env.h"
#include "common/event/digest.h"

namespace lb::bkserver {

namespace {

using web::HttpAnswer;
using web::RouteId;

// The secret behind "Bearer ", whatever the case of the scheme.
std::optional<std::string_view> bearer_of(const web::HttpRequest& request) {
    constexpr std::string_view kScheme = "bearer ";
    const std::string* header = request.header("authorization");
    if (header == nullptr || header->size() <= kScheme.size() ||
        !equal_ignoring_case(std::string_view(*header).substr(0, kScheme.size()), kScheme))
        return std::nullopt;
    return std::string_view(*header).substr(kScheme.size());
}

// A page of another site that makes a browser send something here with its user's certificate.
bool is_cross_site(const web::HttpRequest& request) {
    if (const std::string* site = request.header("sec-fetch-site");
        site != nullptr && *site != "same-origin" && *site != "none")
        return true;
    const std::string* origin = request.header("origin");
    const std::string* host = request.header("host");
    return origin != nullptr && (host == nullptr || *origin != "https://" + *host);
}

Result<std::uint32_t> limit_of(const web::HttpRequest& request) {
    std::uint32_t limit = 0;
    const std::string* text = request.parameter("limit");
    if (text == nullptr) return limit;
    const auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), limit);
    if (problem != std::errc() || end != text->data() + text->size())
        return Error{ErrorCode::kReject, "limit=" + *text + " is no number"};
    return limit;
}

Result<std::string> cursor_of(const web::HttpRequest& request) {
    const std::string* text = request.parameter("cursor");
    if (text == nullptr) return std::string();
    const auto bytes = from_base64url(*text);
    if (!bytes)
        return Error{ErrorCode::kReject,
                     "the cursor is none that this server gave; ask again "
                     "without one"};
    return *bytes;
}

std::string parameter_of(const web::HttpRequest& request, std::string_view name) {
    const std::string* value = request.parameter(name);
    return value == nullptr ? std::string() : *value;
}

// "jobId,state" as repeated words.
template <typename Words>
void add_words(std::string_view text, Words& words) {
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(','));
        text.remove_prefix(std::min(text.size(), word.size() + 1));
        if (!word.empty()) words.Add(std::string(word));
    }
}

lb::v1::QueryRequest query_question(const HttpCall& call, lb::v1::QueryRequest::What what) {
    lb::v1::QueryRequest query;
    query.set_what(what);
    query.set_condition(parameter_of(call.request, "query"));
    query.set_sort(parameter_of(call.request, "sort"));
    add_words(parameter_of(call.request, "fields"), *query.mutable_fields());
    return query;
}

lb::v1::ListRequest plain_list_question(const web::HttpRequest& request) {
    lb::v1::ListRequest list;
    list.set_type(parameter_of(request, "type"));
    list.set_state(parameter_of(request, "state"));
    list.set_vm_state(parameter_of(request, "vm_state"));
    list.set_host(parameter_of(request, "host"));
    list.set_owner(parameter_of(request, "owner"));
    return list;
}

// A page of the history of a process, of what fits a query, or of a plain list.
Result<lb::v1::Request> page_question(const HttpCall& call) {
    LB_TRY_ASSIGN(const std::uint32_t limit, limit_of(call.request));
    LB_TRY_ASSIGN(const std::string cursor, cursor_of(call.request));
    const auto with_page = [&](auto& question) {
        question.set_limit(limit);
        question.set_cursor(cursor);
    };
    lb::v1::Request question;
    const auto& request = call.request;
    const bool is_query = request.parameter("query") != nullptr ||
                          request.parameter("sort") != nullptr ||
                          request.parameter("fields") != nullptr;
    if (call.match.route->id == RouteId::kHistory) {
        question.mutable_history()->set_process(call.match.process);
        with_page(*question.mutable_history());
    } else if (call.match.route->id == RouteId::kEvents) {
        *question.mutable_query() = query_question(call, lb::v1::QueryRequest::WHAT_EVENTS);
        with_page(*question.mutable_query());
    } else if (is_query) {
        for (const char* name : {"type", "state", "vm_state", "host", "owner"})
            if (request.parameter(name) != nullptr)
                return Error{ErrorCode::kReject, std::string(name) +
                                                     " stands beside query, sort or fields: say it "
                                                     "in the query, " +
                                                     name + "=..."};
        *question.mutable_query() = query_question(call, lb::v1::QueryRequest::WHAT_PROCESSES);
        with_page(*question.mutable_query());
    } else {
        *question.mutable_list() = plain_list_question(request);
        with_page(*question.mutable_list());
    }
    return question;
}

// What the query service answered, gathered.
struct Gathered {
    Status status;
    web::Json rows = web::Json::array();
    std::string cursor;
};

Gathered ask(query::Service& queries, const query::Asker& asker, const lb::v1::Request& request) {
    Gathered gathered;
    queries.answer(asker, request, [&](const lb::v1::Reply& reply) {
        for (const std::string& row : reply.rows())
            gathered.rows.push_back(web::Json::parse(row, nullptr, false));
        gathered.cursor = to_base64url(reply.cursor());
        if (reply.code() != lb::v1::ERROR_CODE_OK)
            gathered.status = Error{static_cast<ErrorCode>(reply.code()), reply.text()};
    });
    return gathered;
}

// The answer, or that the client has it already.
HttpAnswer conditional(const web::HttpRequest& request, HttpAnswer answer, std::uint32_t revision) {
    // The revision says that the process changed; the digest, that its view did, or who looks.
    const std::string tag =
        "\"" + std::to_string(revision) + "-" +
        to_base64url(event::sha256(answer.content_type + answer.body)).substr(0, 11) + "\"";
    const std::string* known = request.header("if-none-match");
    if (known != nullptr && (*known == "*" || known->find(tag) != std::string::npos))
        answer = {.status = 304, .content_type = answer.content_type, .body = {}};
    answer.headers.emplace_back("ETag", tag);
    answer.headers.emplace_back("Vary", "Accept, Authorization");
    answer.headers.emplace_back("Cache-Control", "private, no-cache");
    return answer;
}

// Rows of what a status itself says of others: machines that carried it, and who was connected.
void add_said_relations(const web::Json& status, web::Json& relations) {
    if (const auto list = status.find("placements"); list != status.end())
        for (const web::Json& placement : *list) {
            web::Json row = {{"relation", "on"}};
            row.update(placement);
            relations.push_back(std::move(row));
        }
    if (const auto list = status.find("connections"); list != status.end())
        for (const web::Json& connection : *list)
            relations.push_back({{"relation", "connected"},
                                 {"jobId", connection.value("to", "")},
                                 {"connection", connection.value("state", "")}});
}

// Adds processes that fit `term`=`id` as such relations; they are those that the asker may find.
Gathered add_found_relations(AnswerTools tools, const query::Asker& asker, std::string_view word,
                             lb::v1::Request question, web::Json& relations) {
    Gathered found = ask(tools.queries, asker, question);
    for (const web::Json& process : found.rows) {
        web::Json row = {{"relation", word}};
        row.update(process);
        relations.push_back(std::move(row));
    }
    return found;
}

}  // namespace

HttpDesk::HttpDesk(HttpRooms rooms)
    : rooms_(std::move(rooms)),
      unknown_(metrics::Registry::global().counter(
          "lb_http_unauthenticated_total", "HTTP requests without a good token or certificate")) {}

std::optional<HttpAnswer> HttpDesk::refuse_early(const HttpCall& call) const {
    if (call.match.route == nullptr) {
        if (call.match.allow.empty())
            return web::problem(404, "there is no " + book::printable(call.request.path) +
                                         " here; /v1/openapi.json says what there is");
        HttpAnswer answer = web::problem(405, "this path has the methods " + call.match.allow);
        answer.headers.emplace_back("Allow", call.match.allow);
        return answer;
    }
    if (call.match.route->is_public) return std::nullopt;
    if (call.certificate.name().empty() && !bearer_of(call.request))
        return web::problem(401,
                            "show a client certificate, or a token of lbctl token issue in "
                            "the header \"Authorization: Bearer ...\"");
    if (call.request.method == "POST" && is_cross_site(call.request))
        return web::problem(403, "a page of another site sent this");
    return std::nullopt;
}

// A token wins over a certificate: whoever sends one means it.
Result<HttpDesk::Bearer> HttpDesk::authenticate(const HttpCall& call, AnswerTools tools) const {
    const auto bearer = bearer_of(call.request);
    if (!bearer) return Bearer{call.certificate, std::nullopt};
    LB_TRY_ASSIGN(store::Token token, rooms_.tokens.authenticate(*bearer, call.arrived_us));
    LB_TRY_ASSIGN(const auto process, tools.reader.find_process(token.name));
    if (process) {
        token.process = process->id;
        rooms_.tokens.follow(token.id, process->id);
    }
    Bearer known{{}, token};
    known.identity.set_kind(lb::v1::IDENTITY_KIND_TOKEN);
    known.identity.set_name(token.id);
    known.identity.set_display(token.note);
    return known;
}

void HttpDesk::answer(const HttpCall& call, AnswerTools tools) {
    if (const Status known = web::check_parameters(*call.match.route, call.request); !known.ok())
        return call.reply(web::problem(known.error()));
    if (call.match.route->is_public) return call.reply(answer_public(call));
    const auto bearer = authenticate(call, tools);
    if (bearer.ok()) return answer_known(call, *bearer, tools);
    if (bearer.error().code != ErrorCode::kDenied) return call.reply(web::problem(bearer.error()));
    unknown_.add();
    log::write(kHttpDenied, call.address, book::printable(call.request.path), bearer.error().text);
    call.reply(web::problem(401, bearer.error().text));
}

web::Asked HttpDesk::asked_by(const HttpCall& call) const {
    return {call.request, rooms_.service};
}

HttpAnswer HttpDesk::answer_public(const HttpCall& call) {
    switch (call.match.route->id) {
        case RouteId::kHealth:
            return {.body = "alive\n"};
        case RouteId::kReady:
            return rooms_.is_ready()
                       ? HttpAnswer{.body = "ready\n"}
                       : web::problem(503, "the database does not answer; events wait");
        case RouteId::kVersion:
            return web::object_answer(asked_by(call), "version", rooms_.administration.version());
        case RouteId::kOpenApi:
            return {.content_type = "application/json",
                    .body = std::string(web::openapi_document())};
        case RouteId::kMetrics:
        case RouteId::kPostEvents:
        case RouteId::kProcesses:
        case RouteId::kProcess:
        case RouteId::kHistory:
        case RouteId::kWhy:
        case RouteId::kRelations:
        case RouteId::kCounts:
        case RouteId::kEvents:
        case RouteId::kChanges:
        case RouteId::kOwnProcesses:
        case RouteId::kUnique:
            break;
    }
    return web::problem(500, "no answer to this path");
}

void HttpDesk::answer_known(const HttpCall& call, const Bearer& bearer, AnswerTools tools) {
    if (call.match.route->id == RouteId::kPostEvents)
        return HttpIngest::take(call, bearer.identity, bearer.token, rooms_.lanes, rooms_.stamper);
    if (call.match.route->id == RouteId::kChanges)
        return rooms_.changes.follow(call, bearer.identity, tools);
    HttpAnswer answer = answer_question(call, bearer.identity, tools);
    if (answer.status == 403)
        log::write(kHttpDenied, call.address, book::printable(call.request.path), "not allowed");
    call.reply(std::move(answer));
}

HttpAnswer HttpDesk::answer_question(const HttpCall& call, const lb::v1::Identity& identity,
                                     AnswerTools tools) {
    const query::Asker asker{identity, call.arrived_us};
    switch (call.match.route->id) {
        case RouteId::kMetrics:
            return answer_metrics(identity);
        case RouteId::kProcesses:
        case RouteId::kOwnProcesses:
        case RouteId::kHistory:
        case RouteId::kEvents:
            return answer_list(call, asker, tools);
        case RouteId::kProcess:
        case RouteId::kUnique:
        case RouteId::kWhy:
            return answer_process(call, asker, tools);
        case RouteId::kRelations:
            return answer_relations(call, asker, tools);
        case RouteId::kCounts:
            return answer_counts(call, asker, tools);
        case RouteId::kHealth:
        case RouteId::kReady:
        case RouteId::kVersion:
        case RouteId::kOpenApi:
        case RouteId::kPostEvents:
        case RouteId::kChanges:
            break;
    }
    return web::problem(500, "no answer to this path");
}

HttpAnswer HttpDesk::answer_metrics(const lb::v1::Identity& asker) {
    if (const auto decision = rooms_.policy.may_administer(asker); !decision.is_allowed)
        return web::problem(403, decision.reason);
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
            .body = metrics::Registry::global().exposition()};
}

HttpAnswer HttpDesk::answer_process(const HttpCall& call, const query::Asker& asker,
                                    AnswerTools tools) {
    lb::v1::Request question;
    if (call.match.route->id == RouteId::kWhy) {
        question.mutable_why()->set_process(call.match.process);
        question.mutable_why()->set_attribute(parameter_of(call.request, "attribute"));
    } else {
        question.mutable_status()->add_processes(call.match.process);
        add_words(parameter_of(call.request, "with"), *question.mutable_status()->mutable_with());
    }
    const Gathered gathered = ask(tools.queries, asker, question);
    if (!gathered.status.ok()) return web::problem(gathered.status.error());
    if (gathered.rows.empty()) return web::problem(500, "the status has no row");
    const auto process = tools.reader.find_process(call.match.process);
    if (!process.ok()) return web::problem(process.error());
    const std::uint32_t revision = *process ? (*process)->revision : 0;
    return conditional(call.request,
                       web::object_answer(asked_by(call), call.match.process, gathered.rows[0]),
                       revision);
}

// One hop: all but the children stand on the first page.
HttpAnswer HttpDesk::answer_relations(const HttpCall& call, const query::Asker& asker,
                                      AnswerTools tools) {
    const auto limit = limit_of(call.request);
    if (!limit.ok()) return web::problem(limit.error());
    const auto cursor = cursor_of(call.request);
    if (!cursor.ok()) return web::problem(cursor.error());
    lb::v1::Request question;
    question.mutable_status()->add_processes(call.match.process);
    const Gathered status = ask(tools.queries, asker, question);
    if (!status.status.ok()) return web::problem(status.status.error());
    if (status.rows.empty()) return web::problem(500, "the status has no row");
    const std::string id = lb::quoted(status.rows[0].value("jobId", ""));
    web::Json relations = web::Json::array();
    if (cursor->empty()) {
        question.mutable_query()->set_condition("child=" + id);
        question.mutable_query()->set_limit(query::kPageRowsMax);
        const Gathered parents = add_found_relations(tools, asker, "parent", question, relations);
        if (!parents.status.ok()) return web::problem(parents.status.error());
        add_said_relations(status.rows[0], relations);
    }
    question.mutable_query()->set_condition("parent=" + id);
    question.mutable_query()->set_limit(*limit);
    question.mutable_query()->set_cursor(*cursor);
    const Gathered children = add_found_relations(tools, asker, "child", question, relations);
    if (!children.status.ok()) return web::problem(children.status.error());
    return web::list_answer(asked_by(call), "relations", relations, children.cursor);
}

HttpAnswer HttpDesk::answer_counts(const HttpCall& call, const query::Asker& asker,
                                   AnswerTools tools) {
    const std::string of = parameter_of(call.request, "of");
    if (!of.empty() && of != "processes" && of != "events")
        return web::problem(400, "of=" + of + ": there are processes and events");
    lb::v1::Request question;
    *question.mutable_query() =
        query_question(call, of == "events" ? lb::v1::QueryRequest::WHAT_EVENT_COUNT
                                            : lb::v1::QueryRequest::WHAT_PROCESS_COUNT);
    question.mutable_query()->set_by(parameter_of(call.request, "by"));
    const Gathered counted = ask(tools.queries, asker, question);
    if (!counted.status.ok()) return web::problem(counted.status.error());
    return web::list_answer(asked_by(call), "counts", counted.rows, {});
}

HttpAnswer HttpDesk::answer_list(const HttpCall& call, const query::Asker& asker,
                                 AnswerTools tools) {
    const auto question = page_question(call);
    if (!question.ok()) return web::problem(question.error());
    const Gathered gathered = ask(tools.queries, asker, *question);
    if (!gathered.status.ok()) return web::problem(gathered.status.error());
    const RouteId route = call.match.route->id;
    const bool has_events = route == RouteId::kHistory || route == RouteId::kEvents;
    return web::list_answer(asked_by(call), has_events ? "events" : "processes", gathered.rows,
                            gathered.cursor);
}

}  // namespace lb::bkserver
