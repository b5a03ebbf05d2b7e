#include "bkserver/cli/search_commands.h"

#include <ostream>
#include <vector>

#include "bkserver/cli/asking.h"
#include "bkserver/cli/row_printer.h"
#include "common/base/quoted.h"

namespace lb::cli {

namespace {

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

Status list_attributes(Context& context, const std::string& terms) {
    LB_TRY_ASSIGN(Asker server, Asker::connect(context));
    RowPrinter printer(context,
                       {{"ATTRIBUTE", "name"},
                        {"KIND", "kind"},
                        {"INDEXED", "indexed",
                         [](const Json& row) { return row.contains("indexed") ? "yes" : ""; }},
                        {"MEANING", "help"}},
                       "name");
    LB_TRY(server.query({.what = terms}, 0, [&](const Json& row) { printer.add(row); }));
    printer.finish();
    return {};
}

std::vector<Column> columns_of_fields(const std::vector<std::string>& fields) {
    std::vector<Column> columns;
    for (const std::string& field : fields) columns.push_back({field, field});
    return columns;
}

Status print_pages(Context& context, const QueryQuestion& question, std::uint32_t limit,
                   std::vector<Column> columns, const std::string& id_member) {
    LB_TRY_ASSIGN(Asker server, Asker::connect(context));
    RowPrinter printer(context, std::move(columns), id_member);
    LB_TRY_ASSIGN(const bool has_more,
                  server.query(question, limit, [&](const Json& row) { printer.add(row); }));
    printer.finish();
    if (has_more) context.err << "lbctl: there are more; --limit 0 shows all\n";
    return {};
}

QueryQuestion question_of(const Wanted& wanted, const std::string& what) {
    return {what, wanted.query(), wanted.sort, wanted.fields, wanted.by};
}

Status list_jobs(Context& context, const Wanted& wanted) {
    if (wanted.lists_attributes) return list_attributes(context, "process-terms");
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
    QueryQuestion question = question_of(wanted, "processes");
    if (context.settings.output == "id") question.fields.clear();
    return print_pages(context, question, wanted.limit, std::move(columns), "jobId");
}

Status list_events(Context& context, const Wanted& wanted) {
    if (wanted.lists_attributes) return list_attributes(context, "event-terms");
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
    QueryQuestion question = question_of(wanted, "events");
    if (context.settings.output == "id") question.fields.clear();
    return print_pages(context, question, wanted.limit, std::move(columns), "event_id");
}

Status count(Context& context, const Wanted& wanted, bool counts_events) {
    const QueryQuestion question =
        question_of(wanted, counts_events ? "event-count" : "process-count");
    std::vector<Column> columns = {{"COUNT", "count"}};
    if (!wanted.by.empty()) columns.insert(columns.begin(), Column{wanted.by, wanted.by});
    LB_TRY_ASSIGN(Asker server, Asker::connect(context));
    RowPrinter printer(context, std::move(columns), wanted.by.empty() ? "count" : wanted.by);
    bool is_truncated = false;
    LB_TRY(server.query(question, 0, [&](const Json& row) {
        is_truncated = is_truncated || row.contains("truncated");
        printer.add(row);
    }));
    printer.finish();
    if (is_truncated)
        context.err << "lbctl: only the first 200000 that might fit were looked at; ask with more "
                       "indexed attributes\n";
    return {};
}

// Rows as they happen, until the terminal or the reader of the pipe has enough.
Status watch(Context& context, const Wanted& wanted) {
    LB_TRY_ASSIGN(Asker server, Asker::connect(context));
    const std::string condition = wanted.query();
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
    std::string cursor;
    while (context.out.good()) {
        LB_TRY(server.watch(condition, cursor, show));
        context.out << std::flush;
        if (wanted.limit != 0 && shown >= wanted.limit) return {};
    }
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
}

}  // namespace lb::cli
