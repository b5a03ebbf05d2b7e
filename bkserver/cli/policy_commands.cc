#include "bkserver/cli/policy_commands.h"

#include <ostream>

#include "bkserver/cli/connection.h"
#include "bkserver/cli/table.h"

namespace lb::cli {

namespace {

using lb::v1::PolicyRequest;

void print(Context& context, const Json& row) {
    const bool is_allowed = row.value("allowed", false);
    if (!is_allowed) context.exit_code = kNotAllowed;
    if (context.settings.is_json) return context.print_json(row);
    context.out << (is_allowed ? "allowed" : "denied");
    if (row.contains("view")) context.out << ", view: " << text_of(row, "view");
    context.out << "\n  " << text_of(row, "reason") << '\n';
    if (row.contains("place")) context.out << "  " << text_of(row, "place") << '\n';
}

Status check(Context& context, const PolicyRequest& question) {
    lb::v1::Request request;
    *request.mutable_policy() = question;
    LB_TRY(ask(context, request, [&](const Json& row) { print(context, row); }));
    return {};
}

}  // namespace

void add_policy_commands(CLI::App& lbctl, Context& context) {
    CLI::App* const parent = lbctl.add_subcommand("policy", "Who may do what, and why");
    parent->require_subcommand(1)->fallthrough();
    auto ask = std::make_shared<PolicyRequest>();
    CLI::App* const command =
        add_command(*parent, context, "check",
                    "Whether an identity may do something, and by which rule; asks nothing of it",
                    [&context, ask] { return check(context, *ask); });
    const auto add = [&](const char* name, std::string* target, const char* help) {
        return command->add_option(name, *target, help);
    };
    add("IDENTITY", ask->mutable_identity(),
        "certificate:/DC=org/CN=x, uid:1000@host, token:ID, or a DN")
        ->required();
    add("ACTION", ask->mutable_action(),
        "read; a type of event, to log it; a role (reader, admin, purger, ...), or what the "
        "original calls it (READ_ALL, ...)")
        ->required();
    add("PROCESS", ask->mutable_process(), "id or key; without it: any process of others");
    add("--source", ask->mutable_source(), "of an event; default: UserInterface");
    add("--host", ask->mutable_host(), "where the event is logged");
    add("--forwarder", ask->mutable_forwarder(),
        "identity that delivers the event; default: who logs it");
    command->footer(
        "Others than oneself may be asked about by administrators only. Exit code 77: denied.\n"
        "Examples:\n"
        "  lbctl policy check /O=lb/CN=alice read https://lb.example.org:9000/Zm9vYmFy\n"
        "  lbctl policy check uid:1000@node1 VMStop libvirt-uuid:/6b1a2a9e-... --host node1 \\\n"
        "        --source VMManager --forwarder certificate:/O=lb/CN=host/node1");
}

}  // namespace lb::cli
