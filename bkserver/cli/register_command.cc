#include "bkserver/cli/register_command.h"

#include <chrono>
#include <ostream>
#include <vector>

#include "bkserver/cli/connection.h"
#include "bkserver/cli/direct_log.h"
#include "bkserver/cli/register_cluster.h"
#include "bkserver/cli/register_job.h"
#include "bkserver/cli/table.h"
#include "common/event/process_id.h"
#include "lb/v1/wire.pb.h"

namespace lb::cli {

namespace {

using event::EventType;
using Field = DirectField;

struct VmOptions {
    std::string id;
    std::string libvirt_uuid;
    std::vector<std::string> keys;
    std::vector<Field> fields{{"name", {}},  {"owner", {}}, {"hostname", {}}, {"manager", {}},
                              {"image", {}}, {"id", {}},    {"require", {}}};
};

void print_registered(Context& context, const event::ProcessId& id) {
    if (context.settings.is_json)
        context.print_json({{"process", id.to_string()}});
    else
        context.out << id.to_string() << '\n';
}

Result<event::ProcessId> id_of_vm(const VmOptions& options, const std::string& service) {
    if (!options.id.empty()) return event::ProcessId::parse(options.id);
    if (!options.libvirt_uuid.empty())
        return event::ProcessId::of_libvirt_uuid(service, options.libvirt_uuid);
    return event::ProcessId::generate(service);
}

Status register_vm(Context& context, const VmOptions& options) {
    LB_TRY_ASSIGN(const auto client, connect(context));
    const std::string& service = client->hello().service();
    LB_TRY_ASSIGN(const event::ProcessId id, id_of_vm(options, service));
    LB_TRY(log_direct(*client, id.to_string(), EventType::kRegJob,
                      {{"jobtype", "VIRTUAL_MACHINE"}, {"ns", service}}));
    bool is_described = false;
    for (const Field& field : options.fields) is_described = is_described || !field.text.empty();
    if (is_described)
        LB_TRY(log_direct(*client, id.to_string(), EventType::kVMCreate, options.fields));
    for (const std::string& key : options.keys)
        LB_TRY(log_direct(*client, id.to_string(), EventType::kBind, {{"key", key}}));
    print_registered(context, id);
    return {};
}

Status register_machine(Context& context, const std::string& host) {
    LB_TRY_ASSIGN(const auto client, connect(context));
    const std::string& service = client->hello().service();
    LB_TRY_ASSIGN(const event::Key key, event::Key::parse("host:/" + host));
    LB_TRY_ASSIGN(const event::ProcessId id, event::ProcessId::of_key(service, key));
    LB_TRY(log_direct(*client, id.to_string(), EventType::kRegJob,
                      {{"jobtype", "PHYSICAL_MACHINE"}, {"ns", service}}));
    LB_TRY(log_direct(*client, id.to_string(), EventType::kBind, {{"key", key.to_string()}}));
    print_registered(context, id);
    return {};
}

}  // namespace

void add_register_commands(CLI::App& lbctl, Context& context) {
    CLI::App* const parent =
        lbctl.add_subcommand("register", "Make a process known; whoever registers it owns it");
    parent->require_subcommand(1)->fallthrough();

    auto vm = std::make_shared<VmOptions>();
    CLI::App* const vm_command =
        add_command(*parent, context, "vm", "A virtual machine; prints its id",
                    [&context, vm] { return register_vm(context, *vm); });
    vm_command->add_option("--id", vm->id,
                           "process id; default: by --libvirt-uuid, else a new one");
    vm_command->add_option("--libvirt-uuid", vm->libvirt_uuid,
                           "UUID of the domain: hosts arrive at the same id by themselves");
    vm_command->add_option("--key", vm->keys,
                           "further key, for example one-vmid:cloud1/42; may be repeated");
    const char* const helps[] = {"VM name",
                                 "user in the cloud stack",
                                 "network name of the VM",
                                 "name of the VM manager",
                                 "image",
                                 "id in the cloud stack",
                                 "requirements on the machine"};
    const char* const names[] = {"--name",  "--owner",    "--hostname", "--manager",
                                 "--image", "--cloud-id", "--require"};
    for (std::size_t i = 0; i < vm->fields.size(); ++i)
        vm_command->add_option(names[i], vm->fields[i].text, helps[i]);
    vm_command->footer(
        "Example: lbctl register vm --libvirt-uuid 6b1a2a9e-5a0f-4f2e-9f3c-"
        "0d6a1c1f5b10 --name web1 --key one-vmid:cloud1/42");

    add_register_job_commands(*parent, context);

    auto host = std::make_shared<std::string>();
    CLI::App* const machine_command =
        add_command(*parent, context, "machine", "A physical machine; prints its id",
                    [&context, host] { return register_machine(context, *host); });
    machine_command->add_option("HOST", *host, "its full host name")->required();
    machine_command->footer("Example: lbctl register machine node1.example.org");
    add_register_cluster_command(*parent, context);
}

}  // namespace lb::cli
