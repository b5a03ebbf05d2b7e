#include "bkserver/cli/server_commands.h"

#include <ostream>
#include <string_view>
#include <vector>

#include "bkserver/cli/connection.h"
#include "bkserver/cli/row_printer.h"
#include "bkserver/cli/table.h"

namespace lb::cli {

namespace {

using lb::v1::DeadLetterRequest;
using lb::v1::IndexRequest;
using lb::v1::Request;
using lb::v1::ServerRequest;

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
                      ask(context, *client, request, [&](const Json& row) { printer.add(row); }));
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
        LB_TRY_ASSIGN(std::string cursor, ask_for_hours(*client, request, progress, on_row));
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

// index

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
        return ask_for_hours(context, request, kGoesOn, [&](const Json& row) {
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

void add_questions(CLI::App& lbctl, Context& context) {
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

void add_server_commands(CLI::App& lbctl, Context& context) {
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

    add_questions(lbctl, context);
    add_index_commands(lbctl, context);
}

}  // namespace lb::cli
