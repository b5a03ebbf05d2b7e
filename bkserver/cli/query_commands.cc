#include "bkserver/cli/query_commands.h"

#include <algorithm>
#include <ostream>
#include <utility>
#include <vector>

#include "bkserver/cli/asking.h"
#include "bkserver/cli/row_printer.h"
#include "bkserver/cli/table.h"
#include "common/env/env.h"
#include "common/event/moment.h"

namespace lb::cli {

namespace {

// status

constexpr std::pair<const char*, lb_status_extra> kExtras[] = {
    {"jdl_classad", LB_STATUS_CLASSADS},
    {"children_states", LB_STATUS_CHILDSTAT},
    {"history", LB_STATUS_HISTORY}};

struct StatusOptions {
    std::vector<std::string> processes;
    std::string at;
    std::string known_at;
    std::vector<std::string> with;
};

Result<std::int64_t> moment(const std::string& text) {
    if (text.empty()) return std::int64_t{0};
    return event::moment_from_text(text, env::posix_env().now_us());
}

Status show_status(Context& context, const StatusOptions& options) {
    StatusQuestion question;
    question.processes = options.processes;
    for (const auto& [word, extra] : kExtras)
        if (std::count(options.with.begin(), options.with.end(), word) > 0)
            question.extras |= extra;
    LB_TRY_ASSIGN(question.at_us, moment(options.at));
    LB_TRY_ASSIGN(question.known_at_us, moment(options.known_at));
    LB_TRY_ASSIGN(Asker server, Asker::connect(context));
    RowPrinter printer(context, {{"PROCESS", "jobId"},
                                 {"TYPE", "jobtype"},
                                 {"STATE", "state"},
                                 {"VM STATE", "vm_state"},
                                 {"HOST", "vm_phy_hostname"},
                                 {"OWNER", "owner"},
                                 {"SINCE", "stateEnterTime"},
                                 {"UPDATED", "lastUpdateTime"}});
    LB_TRY(server.status(question, [&](const Json& row) {
        if (row.contains("error")) {
            context.err << "lbctl: " << text_of(row, "process") << ": " << text_of(row, "text")
                        << '\n';
            context.exit_code = kNotFound;
            return;
        }
        if (context.settings.output != "table") return printer.add(row);
        context.out << state_words(row) << "  " << text_of(row, "jobId") << '\n';
        print_members(context.out, row, 2);
    }));
    return {};
}

// why

std::string claim_words(const Json& claim) {
    std::string words = text_of(claim, "value") + "  by " + text_of(claim, "type") + " from " +
                        text_of(claim, "source");
    if (const std::string host = text_of(claim, "host"); !host.empty()) words += " on " + host;
    if (const std::string who = text_of(claim, "identity"); !who.empty()) words += ", " + who;
    return words + ", " + text_of(claim, "time") + "  " + text_of(claim, "event_id");
}

// Of an element of a list.
std::string words_of(const Json& element) {
    if (element.is_string()) return printable(element.get<std::string>());
    std::string words;
    for (const auto& [name, value] : element.items())
        words += (words.empty() ? "" : "  ") + text_of(element, name) +
                 (name == "age_s" ? " s ago" : "");
    return words;
}

void print_why(Context& context, const Json& row, bool shows_rules) {
    std::ostream& out = context.out;
    out << text_of(row, "attribute") << " = " << text_of(row, "value") << "  of "
        << text_of(row, "process") << '\n';
    if (row.contains("decided_by"))
        out << "decided by\n  " << claim_words(row["decided_by"]) << '\n';
    if (row.contains("remark")) out << "because " << text_of(row, "remark") << '\n';
    if (row.contains("overruled")) {
        out << "overruled\n";
        for (const Json& claim : row["overruled"]) out << "  " << claim_words(claim) << '\n';
    }
    std::vector<const char*> lists = {"evidence", "disagreements", "stale"};
    if (shows_rules) lists.push_back("rules");
    for (const char* list : lists) {
        if (!row.contains(list)) continue;
        out << list << '\n';
        for (const Json& element : row[list]) {
            out << "  " << words_of(element) << '\n';
        }
    }
}

struct WhyOptions {
    std::string process;
    std::string attribute;
    bool shows_rules = false;
};

Status show_why(Context& context, const WhyOptions& options) {
    LB_TRY_ASSIGN(Asker server, Asker::connect(context));
    return server.why(options.process, options.attribute, [&](const Json& row) {
        if (context.settings.is_json)
            context.print_json(row);
        else
            print_why(context, row, options.shows_rules);
    });
}

// history

Status show_history(Context& context, const std::string& process, std::uint32_t limit) {
    RowPrinter printer(context,
                       {{"TIME", "time"},
                        {"EVENT", "type"},
                        {"SOURCE", "source"},
                        {"HOST", "host"},
                        {"VERDICT", "verdict"},
                        {"STATE AFTER", "state", state_words},
                        {"WHO", "identity"}},
                       "event_id");
    LB_TRY_ASSIGN(Asker server, Asker::connect(context));
    LB_TRY(server.history(process, limit, [&](const Json& row) { printer.add(row); }));
    printer.finish();
    return {};
}

}  // namespace

void add_query_commands(CLI::App& lbctl, Context& context) {
    auto wanted = std::make_shared<StatusOptions>();
    CLI::App* const status = add_command(
        lbctl, context, "status", "The state of processes, with all that is known",
        [&context, wanted] { return show_status(context, *wanted); }, Prints::kRows);
    status->add_option("PROCESS", wanted->processes, "id, its unique part, or a key")->required();
    status->add_option("--at", wanted->at,
                       "as it was then by the events' own times: 2026-11-25T12:00:00Z, -2h");
    status->add_option("--known-at", wanted->known_at,
                       "as the server knew it then, by when events had arrived");
    status
        ->add_option("--with", wanted->with,
                     "also jdl_classad (the job description's attributes), children_states, "
                     "history: a,b")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->check(CLI::IsMember({"jdl_classad", "children_states", "history"}));
    status->footer(
        "Examples:\n  lbctl status https://lb.example.org:9000/Zm9vYmFy\n"
        "  lbctl status --json libvirt-uuid:/6b1a2a9e-5a0f-4f2e-9f3c-0d6a1c1f5b10\n"
        "  lbctl status Zm9vYmFy --at -2h --known-at -1h\n"
        "  lbctl status Zm9vYmFy --with jdl_classad,children_states --json\n\n"
        "In the past a parent is counted from its children as they were then, up to 1,000 of "
        "them.");

    auto why = std::make_shared<WhyOptions>();
    CLI::App* const why_command = add_command(
        lbctl, context, "why", "Which event decided a state or attribute, and which were overruled",
        [&context, why] { return show_why(context, *why); });
    why_command->add_option("PROCESS", why->process, "id, its unique part, or a key")->required();
    why_command->add_option("ATTRIBUTE", why->attribute, "as status names it; default: the state");
    why_command->add_flag("--rules", why->shows_rules, "show the rules that feed it, too");
    why_command->footer("Example: lbctl why libvirt-uuid:/6b1a2a9e-... vm_phy_hostname");

    auto history = std::make_shared<std::pair<std::string, std::uint32_t>>();
    CLI::App* const history_command = add_command(
        lbctl, context, "history",
        "The events of a process, in their order, with the state after each",
        [&context, history] { return show_history(context, history->first, history->second); },
        Prints::kRows);
    history_command->add_option("PROCESS", history->first, "id, its unique part, or a key")
        ->required();
    history_command->add_option("--limit", history->second, "so many at most; 0: all");
    history_command->footer("Example: lbctl history libvirt-uuid:/6b1a2a9e-... --limit 20");
}

}  // namespace lb::cli
