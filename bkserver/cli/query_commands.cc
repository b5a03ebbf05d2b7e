#include "bkserver/cli/query_commands.h"

#include <ostream>
#include <vector>

#include "bkserver/cli/asking.h"
#include "bkserver/cli/progress.h"
#include "bkserver/cli/row_printer.h"
#include "bkserver/cli/table.h"
#include "common/env/env.h"
#include "common/event/moment.h"
#include "lb/v1/wire.pb.h"

namespace lb::cli {

namespace {

using lb::v1::DeadLetterRequest;
using lb::v1::Request;
using lb::v1::ServerRequest;

// status

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
    Request request;
    for (const std::string& process : options.processes)
        request.mutable_status()->add_processes(process);
    LB_TRY_ASSIGN(const std::int64_t at_us, moment(options.at));
    LB_TRY_ASSIGN(const std::int64_t known_at_us, moment(options.known_at));
    request.mutable_status()->set_at_us(at_us);
    request.mutable_status()->set_known_at_us(known_at_us);
    for (const std::string& extra : options.with) request.mutable_status()->add_with(extra);
    RowPrinter printer(context, {{"PROCESS", "jobId"},
                                 {"TYPE", "jobtype"},
                                 {"STATE", "state"},
                                 {"VM STATE", "vm_state"},
                                 {"HOST", "vm_phy_hostname"},
                                 {"OWNER", "owner"},
                                 {"SINCE", "stateEnterTime"},
                                 {"UPDATED", "lastUpdateTime"}});
    LB_TRY(ask(context, request, [&](const Json& row) {
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
            std::string line;
            if (element.is_string()) line = printable(element.get<std::string>());
            if (element.is_object())
                for (const auto& [name, value] : element.items())
                    line += (line.empty() ? "" : "  ") + text_of(element, name);
            out << "  " << line << '\n';
        }
    }
}

struct WhyOptions {
    std::string process;
    std::string attribute;
    bool shows_rules = false;
};

Status show_why(Context& context, const WhyOptions& options) {
    Request request;
    request.mutable_why()->set_process(options.process);
    request.mutable_why()->set_attribute(options.attribute);
    LB_TRY(ask(context, request, [&](const Json& row) {
        if (context.settings.is_json)
            context.print_json(row);
        else
            print_why(context, row, options.shows_rules);
    }));
    return {};
}

// history

Status read_history(Context& context, const std::string& process, std::uint32_t limit,
                    const OnRow& on_row) {
    LB_TRY_ASSIGN(const auto client, connect(context));
    std::uint32_t read = 0;
    Progress progress(context.err, [&] { return count_text(read) + " events"; });
    const net::Patience patience = patience_of(context, [&] { progress.tick(); });
    const OnRow count_and_hand = [&](const Json& row) {
        ++read;
        on_row(row);
    };
    Request request;
    request.mutable_history()->set_process(process);
    for (;;) {
        if (limit != 0) request.mutable_history()->set_limit(limit - read);
        LB_TRY_ASSIGN(const std::string cursor, ask(*client, request, count_and_hand, patience));
        if (cursor.empty() || (limit != 0 && read >= limit)) return {};
        request.mutable_history()->set_cursor(cursor);
        progress.tick();
    }
}

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
    LB_TRY(read_history(context, process, limit, [&](const Json& row) { printer.add(row); }));
    printer.finish();
    return {};
}

// dead

Status act_on_dead(Context& context, DeadLetterRequest::Act act, std::uint64_t number) {
    Request request;
    request.mutable_dead()->set_act(act);
    request.mutable_dead()->set_number(number);
    LB_TRY(ask(context, request, [&](const Json& row) {
        if (context.settings.is_json)
            context.print_json(row);
        else
            print_members(context.out, row);
    }));
    return {};
}

Status list_dead(Context& context) {
    LB_TRY_ASSIGN(const auto client, connect(context));
    RowPrinter printer(context,
                       {{"NUMBER", "number"},
                        {"ARRIVED", "arrived"},
                        {"VERDICT", "verdict"},
                        {"TIMES", "times"},
                        {"FORWARDER", "forwarder"},
                        {"REASON", "reason"}},
                       "number");
    Request request;
    request.mutable_dead()->set_act(DeadLetterRequest::ACT_LIST);
    for (;;) {
        LB_TRY_ASSIGN(const std::string cursor,
                      ask(*client, request, [&](const Json& row) { printer.add(row); }));
        if (cursor.empty()) break;
        request.mutable_dead()->set_number(std::stoull(cursor));
    }
    printer.finish();
    return {};
}

// rebuild

struct RebuildOptions {
    std::string process;
    std::string type;
    bool compare_only = false;
};

Status rebuild(Context& context, const RebuildOptions& options) {
    LB_TRY_ASSIGN(const auto client, connect(context));
    Request request;
    request.mutable_rebuild()->set_process(options.process);
    request.mutable_rebuild()->set_type(options.type);
    request.mutable_rebuild()->set_compare_only(options.compare_only);
    std::uint64_t seen = 0, different = 0, events = 0, failed = 0;
    Progress progress(context.err, [&] {
        return count_text(seen) + " processes, " + count_text(events) + " events, " +
               count_text(different) + " different";
    });
    const auto on_row = [&](const Json& row) {
        ++seen;
        events += row.value("events", std::uint64_t{0});
        const bool differs = row.value("different", false);
        if (differs) ++different;
        const std::string error = row.value("error", std::string());
        if (!error.empty()) ++failed;
        if (context.settings.is_json)
            context.print_json(row);
        else if (!error.empty())
            context.err << text_of(row, "process") << ": " << error << '\n';
        else if (differs)
            context.out << text_of(row, "process") << ": " << text_of(row, "difference")
                        << (row.value("written", false) ? ", rebuilt" : "") << '\n';
    };
    do {
        // One process may have events for many minutes.
        LB_TRY_ASSIGN(std::string cursor,
                      ask(*client, request, on_row, patience_for_hours([&] { progress.tick(); })));
        request.mutable_rebuild()->set_cursor(std::move(cursor));
        progress.tick();
    } while (!request.rebuild().cursor().empty());
    if (!context.settings.is_json)
        context.out << seen << " processes, " << events << " events, " << different << " different"
                    << (failed > 0 ? ", " + count_text(failed) + " not rebuilt" : std::string())
                    << '\n';
    const bool is_unlike = options.compare_only && different > 0;
    if (is_unlike || failed > 0) context.exit_code = kNotFound;
    return {};
}

// server

Status show_server(Context& context, ServerRequest::What what) {
    Request request;
    request.mutable_server()->set_what(what);
    LB_TRY(ask(context, request, [&](const Json& row) {
        if (context.settings.is_json) return context.print_json(row);
        if (what == ServerRequest::WHAT_METRICS)
            context.out << row.value("metrics", std::string());
        else
            print_members(context.out, row);
        if (what == ServerRequest::WHAT_FORWARDERS) context.out << '\n';
    }));
    return {};
}

void add_dead_commands(CLI::App& lbctl, Context& context) {
    CLI::App* const dead = lbctl.add_subcommand(
        "dead", "Dead letters: events that the server set aside, with the reason");
    dead->require_subcommand(1)->fallthrough();
    add_command(
        *dead, context, "list", "All of them", [&context] { return list_dead(context); },
        Prints::kRows)
        ->footer("Example: lbctl dead list -o csv");
    const struct {
        const char* name;
        const char* help;
        DeadLetterRequest::Act act;
    } acts[] = {{"show", "One, with what is inside", DeadLetterRequest::ACT_SHOW},
                {"replay", "Offer it to the server once more", DeadLetterRequest::ACT_REPLAY},
                {"drop", "Forget it", DeadLetterRequest::ACT_DROP}};
    for (const auto& act : acts) {
        auto number = std::make_shared<std::uint64_t>(0);
        CLI::App* const command =
            add_command(*dead, context, act.name, act.help,
                        [&context, act, number] { return act_on_dead(context, act.act, *number); });
        command->add_option("NUMBER", *number, "of the dead letter")->required();
        command->footer("Example: lbctl dead " + std::string(act.name) + " 17");
    }
}

void add_server_commands(CLI::App& lbctl, Context& context) {
    CLI::App* const server = lbctl.add_subcommand("server", "The server itself");
    server->require_subcommand(1)->fallthrough();
    const struct {
        const char* name;
        const char* help;
        ServerRequest::What what;
    } questions[] = {
        {"version", "Its version and service", ServerRequest::WHAT_VERSION},
        {"health", "Whether it is alive and ready", ServerRequest::WHAT_HEALTH},
        {"metrics", "Its metrics, as Prometheus reads them", ServerRequest::WHAT_METRICS},
        {"forwarders", "Hosts connected now, clocks, backlogs", ServerRequest::WHAT_FORWARDERS}};
    for (const auto& question : questions)
        add_command(*server, context, question.name, question.help, [&context, question] {
            return show_server(context, question.what);
        })->footer("Example: lbctl server " + std::string(question.name));
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

    add_dead_commands(lbctl, context);

    auto target = std::make_shared<RebuildOptions>();
    CLI::App* const rebuild_command =
        add_command(lbctl, context, "rebuild",
                    "Fold the stored events anew and replace what differs, while the server works",
                    [&context, target] { return rebuild(context, *target); });
    CLI::Option* const one =
        rebuild_command->add_option("PROCESS", target->process, "id or key; default: all");
    rebuild_command
        ->add_option("--type", target->type, "all of this type: virtual_machine, simple, ...")
        ->excludes(one);
    rebuild_command->add_flag("--compare-only", target->compare_only,
                              "write nothing; exit with 1 if anything differs");
    rebuild_command->footer("Example: lbctl rebuild --type simple --compare-only");

    add_server_commands(lbctl, context);
}

}  // namespace lb::cli
