#include "bkserver/cli/register_cluster.h"

#include <fstream>
#include <iostream>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "bkserver/cli/connection.h"
#include "bkserver/cli/direct_log.h"
#include "common/event/process_id.h"
#include "lb/v1/wire.pb.h"

namespace lb::cli {

namespace {

using event::EventType;

struct ClusterOptions {
    std::string id;
    std::string name;
    std::string goal;
    std::uint32_t quorum = 0;
    std::vector<std::string> keys;
    std::vector<std::string> members;
    std::string members_file;
};

// One id or key a line; what follows a '#' is a remark.
Status add_members_of_file(const std::string& path, std::vector<std::string>& members) {
    std::ifstream file;
    if (path != "-") {
        file.open(path);
        if (!file) return Error{ErrorCode::kNotFound, "cannot read " + path};
    }
    std::istream& in = path == "-" ? std::cin : file;
    for (std::string line; std::getline(in, line);) {
        line.erase(std::min(line.find('#'), line.size()));
        while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r'))
            line.pop_back();
        if (!line.empty()) members.push_back(line);
    }
    return {};
}

// Before anything is logged: a wrong member must not leave half a cluster.
Status check_members(const std::vector<std::string>& members) {
    for (const std::string& member : members)
        if (const auto subject = event::parse_subject(member); !subject.ok())
            return subject.error().within("member " + member);
    return {};
}

Status register_cluster(Context& context, const ClusterOptions& options) {
    std::vector<std::string> members = options.members;
    if (!options.members_file.empty()) LB_TRY(add_members_of_file(options.members_file, members));
    LB_TRY(check_members(members));
    LB_TRY_ASSIGN(const auto client, connect(context));
    const std::string& service = client->hello().service();
    LB_TRY_ASSIGN(const event::ProcessId id, options.id.empty()
                                                 ? event::ProcessId::generate(service)
                                                 : event::ProcessId::parse(options.id));
    const std::string text = id.to_string();
    LB_TRY(log_direct(*client, text, EventType::kRegJob,
                      {{"jobtype", "VM_CLUSTER"}, {"ns", service}}));
    if (!options.name.empty())
        LB_TRY(log_direct(*client, text, EventType::kVMCreate, {{"name", options.name}}));
    if (options.quorum != 0 || !options.goal.empty())
        LB_TRY(log_direct(*client, text, EventType::kClusterGoal,
                          {{"quorum", options.quorum == 0 ? "" : std::to_string(options.quorum)},
                           {"goal", options.goal}}));
    for (const std::string& key : options.keys)
        LB_TRY(log_direct(*client, text, EventType::kBind, {{"key", key}}));
    for (const std::string& member : members)
        LB_TRY(log_direct(*client, member, EventType::kClusterJoin, {{"cluster", text}}));
    if (context.settings.is_json)
        context.print_json({{"process", text}, {"members", members.size()}});
    else
        context.out << text << '\n';
    return {};
}

}  // namespace

void add_register_cluster_command(CLI::App& parent, Context& context) {
    auto options = std::make_shared<ClusterOptions>();
    CLI::App* const command = add_command(
        parent, context, "cluster", "A cluster of machines, or of clusters; prints its id",
        [&context, options] { return register_cluster(context, *options); });
    command->add_option("--id", options->id, "process id; default a new one");
    command->add_option("--name", options->name, "name of the cluster");
    command->add_option("--quorum", options->quorum,
                        "members that must run for the cluster to run; default all");
    command->add_option("--goal", options->goal, "what it is for, in words");
    command->add_option("--key", options->keys,
                        "further key, for example my-cluster:lab/web; may be repeated");
    command->add_option("--member", options->members,
                        "id or key of a member, known already or not; may be repeated");
    command->add_option("--members-file", options->members_file,
                        "one member a line; - is standard input");
    command->footer(
        "Members may also join and leave later, by events of their own:\n"
        "  lb-logevent -s UserInterface -k one-vmid:cloud1/42 -e ClusterJoin --cluster ID\n"
        "Example: lbctl register cluster --name web --quorum 2 --member one-vmid:cloud1/42 "
        "--member one-vmid:cloud1/43");
}

}  // namespace lb::cli
