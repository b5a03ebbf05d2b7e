#include "bkserver/cli/setup_opennebula_command.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <set>
#include <sstream>
#include <vector>

#include "bkserver/cli/child_output.h"
#include "bkserver/cli/row_printer.h"
#include "common/base/ascii.h"
#include "logd/opennebula/states.h"

namespace lb::cli {

namespace {

struct SetupOptions {
    std::string command = "/usr/libexec/lb/lb-hook-opennebula";
    std::string scope;
    std::string out;
    bool is_old = false;
    bool must_register = false;
};

// One hook of OpenNebula 5.10 and later.
struct Hook {
    std::string name;
    std::string text;
};

std::string arguments_of(const std::string& variables, const SetupOptions& options) {
    return options.scope.empty() ? variables : variables + " " + options.scope;
}

Hook hook_of(const std::string& resource, const std::string& state, const std::string& lcm_state,
             const SetupOptions& options) {
    Hook hook;
    hook.name = "lb-" + lower_case(resource) + "-" + lower_case(state);
    if (state == "ACTIVE") hook.name += "-" + lower_case(lcm_state);
    const std::pair<const char*, std::string> lines[] = {
        {"NAME", hook.name},
        {"TYPE", "state"},
        {"RESOURCE", resource},
        {"ON", resource == "VM" ? "CUSTOM" : ""},
        {"STATE", state},
        {"LCM_STATE", lcm_state},
        {"COMMAND", options.command},
        {"ARGUMENTS", arguments_of("$TEMPLATE", options)},
        {"ARGUMENTS_STDIN", "yes"},
        {"TIMEOUT", "10"},
    };
    for (const auto& [name, value] : lines)
        if (!value.empty()) hook.text += std::string(name) + " = \"" + value + "\"\n";
    return hook;
}

std::vector<Hook> hooks(const SetupOptions& options) {
    std::vector<Hook> all;
    for (const auto& row : opennebula::vm_states())
        if (!row.is_gone && row.code != opennebula::kActive)
            all.push_back(hook_of("VM", std::string(row.name), "LCM_INIT", options));
    for (const auto& row : opennebula::lcm_states())
        if (!row.is_gone) all.push_back(hook_of("VM", "ACTIVE", std::string(row.name), options));
    for (const auto& row : opennebula::host_states())
        if (!row.is_gone) all.push_back(hook_of("HOST", std::string(row.name), "", options));
    return all;
}

// Lines for oned.conf of OpenNebula before 5.10.
std::string old_hooks(const SetupOptions& options) {
    std::ostringstream out;
    const auto add = [&](const std::string& state, const std::string& lcm_state) {
        out << "VM_HOOK = [ name = \"lb-" << lower_case(state) << "-" << lower_case(lcm_state)
            << "\", on = \"CUSTOM\", state = \"" << state << "\", lcm_state = \"" << lcm_state
            << "\",\n  command = \"" << options.command << "\",\n  arguments = \""
            << arguments_of("$ID $PREV_STATE $PREV_LCM_STATE $TEMPLATE", options) << "\" ]\n";
    };
    for (const auto& row : opennebula::vm_states())
        if (row.code != opennebula::kActive) add(std::string(row.name), "LCM_INIT");
    for (const auto& row : opennebula::lcm_states()) add("ACTIVE", std::string(row.name));
    for (const char* const on : {"CREATE", "ERROR", "DISABLE", "ENABLE", "OFFLINE"})
        out << "HOST_HOOK = [ name = \"lb-host-" << lower_case(on) << "\", on = \"" << on
            << "\",\n  command = \"" << options.command << "\",\n  arguments = \""
            << arguments_of("$TEMPLATE", options) << "\" ]\n";
    return out.str();
}

Status write_hook(const Hook& hook, const std::string& directory) {
    std::error_code problem;
    std::filesystem::create_directories(directory, problem);
    if (problem) return system_error("creating", directory, problem.value());
    const std::string path = directory + "/" + hook.name;
    std::ofstream file(path, std::ios::trunc);
    file << hook.text;
    file.close();
    if (!file) return system_error("writing", path, errno);
    return {};
}

// A directory of this call's own, gone with it.
class Scratch {
  public:
    Scratch() {
        std::string pattern = std::filesystem::temp_directory_path() / "lbctl-hooks-XXXXXX";
        if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
    }
    ~Scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

Result<std::set<std::string>> registered_names() {
    LB_TRY_ASSIGN(const std::string listed,
                  output_of({"onehook", "list", "--no-header", "--list", "NAME"}));
    std::istringstream words(listed);
    return std::set<std::string>{std::istream_iterator<std::string>(words), {}};
}

Status register_hooks(Context& context, const SetupOptions& options) {
    LB_TRY_ASSIGN(const std::set<std::string> known, registered_names());
    const Scratch scratch;
    RowPrinter printer(context, {{"HOOK", "hook"}, {"OUTCOME", "outcome"}}, "hook");
    for (const Hook& hook : hooks(options)) {
        std::string outcome = "is registered";
        if (!known.contains(hook.name)) {
            LB_TRY(write_hook(hook, scratch.path()));
            const auto made = output_of({"onehook", "create", scratch.path() + "/" + hook.name});
            outcome = made.ok() ? "registered" : "refused";
            if (!made.ok()) context.exit_code = kNotFound;
        }
        printer.add({{"hook", hook.name}, {"outcome", outcome}});
    }
    printer.finish();
    return {};
}

Status set_up(Context& context, const SetupOptions& options) {
    if (options.scope.find_first_of(" \t/\"") != std::string::npos)
        return Error{ErrorCode::kReject,
                     "--scope \"" + options.scope + "\": a word without blanks, '/' and quotes"};
    if (options.is_old) {
        context.out << old_hooks(options);
        return {};
    }
    if (options.must_register) return register_hooks(context, options);
    for (const Hook& hook : hooks(options))
        if (options.out.empty())
            context.out << "# " << hook.name << '\n' << hook.text << '\n';
        else
            LB_TRY(write_hook(hook, options.out));
    return {};
}

}  // namespace

void add_setup_opennebula_command(CLI::App& lbctl, Context& context) {
    CLI::App* const parent =
        lbctl.add_subcommand("setup", "What other software needs to log through lb-logd");
    parent->require_subcommand(1)->fallthrough();
    auto options = std::make_shared<SetupOptions>();
    CLI::App* const command = add_command(
        *parent, context, "opennebula", "Hooks of OpenNebula for every state of machines and hosts",
        [&context, options] { return set_up(context, *options); });
    command->add_option("--scope", options->scope,
                        "name of this cloud in the keys one-vmid:SCOPE/N, if there are several");
    command->add_option("--command", options->command, "the hook's program")->capture_default_str();
    auto* const out = command->add_option("--out", options->out, "write a file a hook there");
    auto* const registers = command->add_flag("--register", options->must_register,
                                              "onehook create, those that are missing");
    command->add_flag("--old", options->is_old, "lines for oned.conf of OpenNebula before 5.10")
        ->excludes(out)
        ->excludes(registers);
    out->excludes(registers);
    command->footer(
        "Run it on the front end as OpenNebula's administrator. lb-logd must let that user log as\n"
        "CloudManager: sources = [..., \"user:oneadmin: CloudManager\"] in /etc/lb/logd.toml.\n"
        "Examples:\n"
        "  lbctl setup opennebula --register --scope cloud1\n"
        "  lbctl setup opennebula --old >> /etc/one/oned.conf");
}

}  // namespace lb::cli
