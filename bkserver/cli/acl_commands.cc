#include "bkserver/cli/acl_commands.h"

#include <ostream>

#include "bkserver/cli/asking.h"
#include "bkserver/cli/connection.h"
#include "bkserver/cli/direct_log.h"
#include "bkserver/cli/table.h"

namespace lb::cli {

namespace {

struct AclOptions {
    std::string process;
    std::string who;
    bool is_to_tag = false;
    bool is_group = false;
    bool is_fqan = false;
    bool is_denial = false;  // of remove: the entry that denies
};

// The id of the process and its list. Changes are logged for the id, whatever name it was given.
Result<Json> status_of(Asker& server, const std::string& process) {
    Json status;
    LB_TRY(server.status({{process}}, [&](const Json& row) { status = row; }));
    if (!status.is_object())
        return Error{ErrorCode::kCorrupt, process + ": the server's answer is no status"};
    return status;
}

void print(Context& context, const Json& status) {
    const Json lines = status.value("access_rights", Json::array());
    if (context.settings.is_json)
        return context.print_json({{"jobId", status.value("jobId", "")},
                                   {"owner", status.value("owner", "")},
                                   {"access_rights", lines}});
    context.out << "owner " << printable(text_of(status, "owner")) << '\n';
    for (const Json& line : lines)
        if (line.is_string()) context.out << printable(line.get<std::string>()) << '\n';
}

Status show(Context& context, const AclOptions& options) {
    LB_TRY_ASSIGN(Asker server, Asker::connect(context));
    LB_TRY_ASSIGN(const Json status, status_of(server, options.process));
    print(context, status);
    return {};
}

Status change(Context& context, const AclOptions& options, const std::string& verb,
              const std::string& operation) {
    LB_TRY_ASSIGN(Asker server, Asker::connect(context));
    LB_TRY_ASSIGN(const Json before, status_of(server, options.process));
    LB_TRY_ASSIGN(const auto client, connect(context));
    const std::string id = before.value("jobId", "");
    LB_TRY(log_direct(*client, id, event::EventType::kChangeACL,
                      {{"user_id", options.who},
                       {"user_id_type", options.is_group  ? "GROUP"
                                        : options.is_fqan ? "FQAN"
                                                          : "DN"},
                       {"permission", options.is_to_tag ? "TAG" : "READ"},
                       {"permission_type", verb},
                       {"operation", operation}}));
    LB_TRY_ASSIGN(const Json after, status_of(server, id));
    print(context, after);
    return {};
}

void add_change(CLI::App& parent, Context& context, const std::string& name,
                const std::string& help, const std::string& operation) {
    auto options = std::make_shared<AclOptions>();
    CLI::App* const command =
        add_command(parent, context, name, help, [&context, options, name, operation] {
            const bool is_denial = name == "deny" || options->is_denial;
            return change(context, *options, is_denial ? "DENY" : "ALLOW", operation);
        });
    command->add_option("PROCESS", options->process, "id or key")->required();
    command->add_option("WHO", options->who, "DN, identity (uid:1000@host), group or FQAN")
        ->required();
    command->add_flag("--tag", options->is_to_tag, "to tag it; default: to read it");
    CLI::Option* const group = command->add_flag(
        "--group", options->is_group, "WHO is a group of the policy, \"vo\":\"group\" is vo/group");
    command->add_flag("--fqan", options->is_fqan, "WHO is an FQAN")->excludes(group);
    if (name == "remove")
        command->add_flag("--denial", options->is_denial,
                          "the entry that denies; default: the one that allows");
    command->footer("Example: lbctl acl " + name +
                    " https://lb.example.org:9000/Zm9vYmFy /DC=org/DC=example/CN=bob");
}

}  // namespace

void add_acl_commands(CLI::App& lbctl, Context& context) {
    CLI::App* const parent = lbctl.add_subcommand(
        "acl", "Who else may read or tag a process; its owner and administrators change it");
    parent->require_subcommand(1)->fallthrough();
    auto options = std::make_shared<AclOptions>();
    CLI::App* const show_command =
        add_command(*parent, context, "show", "The owner and the access list",
                    [&context, options] { return show(context, *options); });
    show_command->add_option("PROCESS", options->process, "id or key")->required();
    show_command->footer("Example: lbctl acl show libvirt-uuid:/6b1a2a9e-...");
    add_change(*parent, context, "allow", "Let somebody read or tag it", "ADD");
    add_change(*parent, context, "deny", "Keep somebody out whom the list lets in otherwise",
               "ADD");
    add_change(*parent, context, "remove", "Take an entry off the list", "REMOVE");
}

}  // namespace lb::cli
