#include "bkserver/cli/search_commands.h"

#include <chrono>
#include <ostream>
#include <vector>

#include "bkserver/cli/asking.h"
#include "bkserver/cli/row_printer.h"
#include "common/base/quoted.h"

namespace lb::cli {

namespace {

using lb::v1::IndexRequest;
using lb::v1::QueryRequest;

// How long one look for changes takes, if there are none.
constexpr auto kWatchPatience = std::chrono::minutes(1);

constexpr char kLanguage[] =
    "A query: ATTRIBUTE OPERATOR VALUE, joined by and, or, not and parentheses.\n"
    "Operators: = != < <= > >= ~ (pattern with * and ?) !~ in (a, b) within (a, b).\n"
    "Times: 2026-11-25T12:00:00Z, 2026-11-25, -2h. `me` is whoever asks.\n"
    "--attributes lists all attributes.\n";

// What the words on the command line and the simple filters say together.
struct Wanted {
    std::vector<std::string> words;
    std::vector<std::pair<const char*, std::string>> filters = {
        {"type", {}}, {"state", {}}, {"vm_state", {}}, {"host", {}}, {"owner", {}}, {"parent", {}}};
    std::string sort;
    std::vector<std::string> fields;
    std::string by;
    std::uint32_t limit = 100;
    bool lists_attributes = false;

    [[nodiscard]] std::string query() const;
};

std::string Wanted::query() const {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    bool is_alone = true;
    for (const auto& [name, value] : filters) {
        if (value.empty()) continue;
        if (is_alone && !text.empty()) text = "(" + text + ")";
        is_alone = false;
        // Whoever asks is said without quotes.
        text += (text.empty() ? "" : " and ") + std::string(name) + "=" +
                (value == "me" ? value : lb::quoted(value));
    }
    return text;
}

Status list_attributes(Context& context, QueryRequest::What what) {
    QueryRequest query;
    query.set_what(what);
    RowPrinter printer(context,
                       {{"ATTRIBUTE", "name"},
                        {"KIND", "kind"},
                        {"INDEXED", "indexed",
                         [](const Json& row) { return row.contains("indexed") ? "yes" : ""; }},
                        {"MEANING", "help"}},
                       "name");
    LB_TRY(ask_pages(context, query, 0, [&](const Json& row) { printer.add(row); }));
    printer.finish();
    return {};
}

std::vector<Column> columns_of_fields(const std::vector<std::string>& fields) {
    std::vector<Column> columns;
    for (const std::string& field : fields) columns.push_back({field, field});
    return columns;
}

Status print_pages(Context& context, const QueryRequest& query, std::uint32_t limit,
                   std::vector<Column> columns, const std::string& id_member) {
    RowPrinter printer(context, std::move(columns), id_member);
    LB_TRY_ASSIGN(const bool has_more,
                  ask_pages(context, query, limit, [&](const Json& row) { printer.add(row); }));
    printer.finish();
    if (has_more) context.err << "lbctl: there are more; --limit 0 shows all\n";
    return {};
}

QueryRequest request_of(const Wanted& wanted, QueryRequest::What what) {
    QueryRequest query;
    query.set_what(what);
    query.set_condition(wanted.query());
    query.set_sort(wanted.sort);
    for (const std::string& field : wanted.fields) query.add_fields(field);
    query.set_by(wanted.by);
    return query;
}

Status list_jobs(Context& context, const Wanted& wanted) {
    if (wanted.lists_attributes) return list_attributes(context, QueryRequest::WHAT_PROCESS_TERMS);
    std::vector<Column> columns = {{"PROCESS", "jobId"},
                                   {"TYPE", "jobtype"},
                                   {"STATE", "state", state_words},
                                   {"HOST", "vm_phy_hostname"},
                                   {"OWNER", "owner",
                                    [](const Json& row) {
                                        return row.contains("adopted") ? "(adopted)"
                                                                       : text_of(row, "owner");
                                    }},
                                   {"SINCE", "stateEnterTime"}};
    if (!wanted.fields.empty()) columns = columns_of_fields(wanted.fields);
    QueryRequest query = request_of(wanted, QueryRequest::WHAT_PROCESSES);
    if (context.settings.output == "id") query.clear_fields();
    return print_pages(context, query, wanted.limit, std::move(columns), "jobId");
}

Status list_events(Context& context, const Wanted& wanted) {
    if (wanted.lists_attributes) return list_attributes(context, QueryRequest::WHAT_EVENT_TERMS);
    std::vector<Column> columns = {{"TIME", "time"},
                                   {"EVENT", "type"},
                                   {"SOURCE", "source"},
                                   {"HOST", "host"},
                                   {"PROCESS", "process",
                                    [](const Json& row) {
                                        const std::string id = text_of(row, "process");
                                        return id.empty() ? text_of(row, "key") : id;
                                    }},
                                   {"WHO", "identity"}};
    if (!wanted.fields.empty()) columns = columns_of_fields(wanted.fields);
    QueryRequest query = request_of(wanted, QueryRequest::WHAT_EVENTS);
    if (context.settings.output == "id") query.clear_fields();
    return print_pages(context, query, wanted.limit, std::move(columns), "event_id");
}

Status count(Context& context, const Wanted& wanted, bool counts_events) {
    const QueryRequest query = request_of(
        wanted, counts_events ? QueryRequest::WHAT_EVENT_COUNT : QueryRequest::WHAT_PROCESS_COUNT);
    std::vector<Column> columns = {{"COUNT", "count"}};
    if (!wanted.by.empty()) columns.insert(columns.begin(), Column{wanted.by, wanted.by});
    RowPrinter printer(context, std::move(columns), wanted.by.empty() ? "count" : wanted.by);
    bool is_truncated = false;
    LB_TRY(ask_pages(context, query, 0, [&](const Json& row) {
        is_truncated = is_truncated || row.contains("truncated");
        printer.add(row);
    }));
    printer.finish();
    if (is_truncated)
        context.err << "lbctl: only the first 200000 that might fit were looked at; ask with more "
                       "indexed attributes\n";
    return {};
}

// "silent, stale"; "none".
std::string listed(const Json& texts) {
    std::string words;
    for (const Json& text : texts) words += (words.empty() ? "" : ", ") + text.get<std::string>();
    return words.empty() ? "none" : words;
}

// Rows as they happen, until the terminal or the reader of the pipe has enough.
Status watch(Context& context, const Wanted& wanted) {
    consumer::Consumer server(options_of(context.settings));
    lb::v1::ChangesRequest changes;
    changes.set_condition(wanted.query());
    RowPrinter printer(context, {{"CHANGED", "changed"},
                                 {"PROCESS", "jobId"},
                                 {"OLD STATE", "old_state"},
                                 {"STATE", "state"},
                                 {"OLD VM STATE", "old_vm_state"},
                                 {"VM STATE", "vm_state"},
                                 {"HOST", "vm_phy_hostname"},
                                 {"OWNER", "owner"},
                                 {"CONCERNS", "concerns"}});
    std::uint32_t shown = 0;
    const auto show = [&](const Json& row) {
        ++shown;
        if (context.settings.output != "table") return printer.add(row);
        Json before = {{"state", text_of(row, "old_state")}};
        if (row.contains("old_vm_state")) before["vm_state"] = row["old_vm_state"];
        const std::string was = state_words(before);
        context.out << text_of(row, "changed") << "  " << text_of(row, "jobId") << "  ";
        if (row.contains("concerns"))
            context.out << state_words(row) << "  concerns: " << listed(row["concerns"]);
        else
            context.out << (was.empty() ? "(new)" : was) << " -> " << state_words(row);
        if (const std::string host = text_of(row, "vm_phy_hostname"); !host.empty())
            context.out << "  on " << host;
        context.out << '\n';
    };
    while (context.out.good()) {
        LB_TRY_ASSIGN(consumer::Answer answer, server.watch(changes, kWatchPatience));
        for (const std::string& text : answer.rows)
            if (const Json row = Json::parse(text, nullptr, false); !row.is_discarded()) show(row);
        context.out << std::flush;
        if (wanted.limit != 0 && shown >= wanted.limit) return {};
        changes.set_cursor(std::move(answer.cursor));
    }
    return {};
}

constexpr std::string_view kGoesOn =
    "the server goes on with it when this is stopped: lbctl index list";

Status act_on_indices(Context& context, IndexRequest::Act act,
                      const std::vector<std::string>& arguments) {
    lb::v1::Request request;
    request.mutable_index()->set_act(act);
    if (act == IndexRequest::ACT_ADD)
        for (const std::string& term : arguments) request.mutable_index()->add_terms(term);
    if (act == IndexRequest::ACT_DROP) request.mutable_index()->set_name(arguments.at(0));
    if (act != IndexRequest::ACT_LIST) {
        return ask_patiently(context, request, kGoesOn, [&](const Json& row) {
            if (context.settings.is_json)
                context.print_json(row);
            else
                context.out << text_of(row, "name") << '\n';
        });
    }
    RowPrinter printer(
        context,
        {{"INDEX", "name"},
         {"ATTRIBUTES", "terms", [](const Json& row) { return listed(row["terms"]); }},
         {"OF", "own", [](const Json& row) { return row.contains("own") ? "the schema" : ""; }}},
        "name");
    LB_TRY(ask(context, request, [&](const Json& row) { printer.add(row); }));
    printer.finish();
    return {};
}

void add_query_words(CLI::App& command, const std::shared_ptr<Wanted>& wanted) {
    command.add_option("QUERY", wanted->words, "what must hold; default: everything");
}

void add_filters(CLI::App& command, const std::shared_ptr<Wanted>& wanted) {
    const char* const names[] = {"--type", "--state", "--vm-state", "--host", "--owner"};
    const char* const helps[] = {"virtual_machine, physical_machine, ...",
                                 "Submitted, Running, Done, ...", "pending, running, stopped, ...",
                                 "physical machine on which it is",
                                 "who registered it, as status shows it, or me"};
    for (std::size_t i = 0; i < std::size(names); ++i)
        command.add_option(names[i], wanted->filters[i].second, helps[i]);
}

void add_paging(CLI::App& command, const std::shared_ptr<Wanted>& wanted, const char* sorts) {
    command.add_option("--sort", wanted->sort, sorts);
    command.add_option("--fields", wanted->fields, "show these attributes: a,b,c")
        ->delimiter(',')
        ->allow_extra_args(false);
    command.add_option("--limit", wanted->limit, "so many at most; 0: all")->capture_default_str();
    command.add_flag("--attributes", wanted->lists_attributes,
                     "list the attributes that a query may use");
}

void add_index_commands(CLI::App& lbctl, Context& context) {
    CLI::App* const index =
        lbctl.add_subcommand("index", "Indices over processes, beside those of the schema");
    index->require_subcommand(1)->fallthrough();
    // Before the commands: they have it from here.
    index->footer(
        "Of a large table an index takes minutes or hours to build, meanwhile the server works on. "
        "A command that is stopped does not stop it; the list shows the index when it is there.\n"
        "Example: lbctl index add owner entered");
    add_command(
        *index, context, "list", "All of them",
        [&context] { return act_on_indices(context, IndexRequest::ACT_LIST, {}); }, Prints::kRows);
    auto terms = std::make_shared<std::vector<std::string>>();
    add_command(
        *index, context, "add", "Build one while the server works",
        [&context, terms] { return act_on_indices(context, IndexRequest::ACT_ADD, *terms); })
        ->add_option("ATTRIBUTE", *terms, "what is selected by, then sorted by")
        ->required();
    auto name = std::make_shared<std::vector<std::string>>(1);
    add_command(*index, context, "drop", "Take one away",
                [&context, name] { return act_on_indices(context, IndexRequest::ACT_DROP, *name); })
        ->add_option("NAME", name->front(), "as listed")
        ->required();
}

}  // namespace

void add_search_commands(CLI::App& lbctl, Context& context) {
    auto jobs = std::make_shared<Wanted>();
    CLI::App* const jobs_command = add_command(
        lbctl, context, "jobs", "Processes that fit a query",
        [&context, jobs] { return list_jobs(context, *jobs); }, Prints::kRows);
    add_query_words(*jobs_command, jobs);
    add_filters(*jobs_command, jobs);
    add_paging(*jobs_command, jobs, "registered, entered, updated; -entered: the latest first");
    jobs_command->footer(
        std::string(kLanguage) +
        "Examples:\n  lbctl jobs 'state=running and host~\"n1*\" and entered>-2h'\n"
        "  lbctl jobs --type virtual_machine --owner me --sort -entered\n"
        "  lbctl jobs 'state_at.-2h=running and not state=running'\n"
        "  lbctl jobs 'tag.project=alpha' --fields jobId,vm_name,user_tags -o csv");

    auto children = std::make_shared<Wanted>();
    CLI::App* const children_command = add_command(
        lbctl, context, "children",
        "Children of a job or transfer, members of a cluster, that fit a query",
        [&context, children] { return list_jobs(context, *children); }, Prints::kRows);
    children_command
        ->add_option("PARENT", children->filters.back().second, "id, its unique part, or a key")
        ->required();
    add_query_words(*children_command, children);
    add_filters(*children_command, children);
    add_paging(*children_command, children, "registered, entered, updated; -entered: latest first");
    children_command->footer(
        "Those that you may not see are left out. A query is as in lbctl jobs --help.\n"
        "Examples:\n  lbctl children https://lb.example.org:9000/Zm9vYmFy --limit 0 -o id\n"
        "  lbctl children Zm9vYmFy state=Aborted --fields jobId,reason,ce_node -o csv\n"
        "  lbctl count --by state 'parent=Zm9vYmFy'");

    auto events = std::make_shared<Wanted>();
    CLI::App* const events_command = add_command(
        lbctl, context, "events", "Events that fit a query, of all processes",
        [&context, events] { return list_events(context, *events); }, Prints::kRows);
    add_query_words(*events_command, events);
    add_paging(*events_command, events, "time; -time: the latest first");
    events_command->footer(std::string(kLanguage) +
                           "Example: lbctl events 'type in (VMStop, VMDone) and time>-1h and "
                           "process.host~\"n1*\"'");

    auto counted = std::make_shared<Wanted>();
    auto counts_events = std::make_shared<bool>(false);
    CLI::App* const count_command = add_command(
        lbctl, context, "count", "How many processes (or events) fit a query",
        [&context, counted, counts_events] { return count(context, *counted, *counts_events); },
        Prints::kRows);
    add_query_words(*count_command, counted);
    add_filters(*count_command, counted);
    count_command->add_option("--by", counted->by,
                              "state, vm_state, host, owner, type, cloud, hour (of entering the "
                              "state); with --events: type, hour, process.state, process.vm_state, "
                              "process.host, process.owner, process.type");
    count_command->add_flag("--events", *counts_events, "count events");
    count_command->footer(std::string(kLanguage) +
                          "Examples:\n  lbctl count 'type=virtual_machine' --by host\n"
                          "  lbctl count --events 'time>-1d' --by hour");

    auto watched = std::make_shared<Wanted>();
    watched->limit = 0;
    CLI::App* const watch_command = add_command(
        lbctl, context, "watch",
        "Changes of state, and concerns, of processes that fit a query, as they happen",
        [&context, watched] { return watch(context, *watched); }, Prints::kRows);
    add_query_words(*watch_command, watched);
    add_filters(*watch_command, watched);
    watch_command->add_option("--limit", watched->limit, "end after so many; 0: never")
        ->capture_default_str();
    watch_command->footer(std::string(kLanguage) + "Example: lbctl watch 'owner=me'");
    add_index_commands(lbctl, context);
}

}  // namespace lb::cli
