#include "common/app/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace lb::app {

namespace {

struct Switch {
    std::string_view name;
    std::string_view value;  // what --help calls it; empty: a flag
    std::string_view help;
};

// clang-format off
constexpr std::array kSwitches = {
    Switch{"config",        "FILE",       "configuration file (TOML)"},
    Switch{"state-dir",     "DIR",        "what must survive a restart"},
    Switch{"runtime-dir",   "DIR",        "sockets"},
    Switch{"set",           "NAME=VALUE", "override an option; may be repeated"},
    Switch{"check-config",  "",           "say whether the configuration is right, and end"},
    Switch{"print-config",  "",           "print the effective configuration, and end"},
    Switch{"list-messages", "",           "print every log message with its remedy, and end"},
    Switch{"version",       "",           "print the version"},
    Switch{"help",          "",           "this text"},
};
// clang-format on

Error usage(const Program& program, std::string_view why) {
    return {ErrorCode::kReject,
            fmt::format("{}; {} --help shows what there is", why, program.name)};
}

const Switch* find_switch(std::string_view name) {
    for (const Switch& candidate : kSwitches)
        if (candidate.name == name) return &candidate;
    return nullptr;
}

// The option of the configuration that "--retry-ms" means: "retry_ms".
const config::Option* find_option(const Program& program, std::string_view name) {
    std::string key(name);
    std::replace(key.begin(), key.end(), '-', '_');
    for (const config::Option& option : program.options)
        if (option.name == key) return &option;
    return nullptr;
}

void set_flag(CommandLine& line, std::string_view name) {
    if (name == "check-config") line.act = Act::kCheckConfig;
    if (name == "print-config") line.act = Act::kPrintConfig;
    if (name == "list-messages") line.act = Act::kListMessages;
    if (name == "version") line.act = Act::kVersion;
    if (name == "help") line.act = Act::kHelp;
}

Status set_value(CommandLine& line, const Program& program, std::string_view name,
                 std::string_view value) {
    if (name == "config") line.config_file = value;
    if (name == "state-dir") line.directories.state = value;
    if (name == "runtime-dir") line.directories.runtime = value;
    if (name != "set") return {};
    const std::size_t equals = value.find('=');
    if (equals == std::string_view::npos) return usage(program, "--set takes NAME=VALUE");
    line.overrides.emplace_back(value.substr(0, equals), value.substr(equals + 1));
    return {};
}

bool is_print_switch(const Program& program, std::string_view name) {
    for (const auto& [print_name, help] : program.print_switches)
        if (print_name == name) return true;
    return false;
}

}  // namespace

Result<CommandLine> parse_command_line(const Program& program,
                                       const std::vector<std::string_view>& arguments) {
    CommandLine line;
    line.directories = program.default_directories;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (!arguments[i].starts_with("--"))
            return usage(program, fmt::format("\"{}\" is no option", arguments[i]));
        const std::string_view text = arguments[i].substr(2);
        const std::size_t equals = text.find('=');
        const std::string_view name = text.substr(0, equals);
        const bool has_value = equals != std::string_view::npos;
        if (is_print_switch(program, name)) {
            line.act = Act::kPrint;
            line.print_name = name;
            if (has_value) line.print_value = text.substr(equals + 1);
            continue;
        }
        const Switch* found = find_switch(name);
        const config::Option* option = find_option(program, name);
        if (found == nullptr && option == nullptr)
            return usage(program, fmt::format("there is no option --{}", name));
        if (found != nullptr && found->value.empty()) {
            set_flag(line, name);
            continue;
        }
        if (!has_value && i + 1 == arguments.size())
            return usage(program,
                         fmt::format("--{} needs {}", name, found ? found->value : "a value"));
        const std::string_view value = has_value ? text.substr(equals + 1) : arguments[++i];
        if (found != nullptr)
            LB_TRY(set_value(line, program, name, value));
        else
            line.overrides.emplace_back(option->name, value);
    }
    return line;
}

std::string help_text(const Program& program) {
    std::string out = fmt::format("usage: {} [options]\n\n{}\n\n", program.name, program.summary);
    for (const Switch& row : kSwitches)
        out += fmt::format(
            "  --{:<24} {}\n",
            row.value.empty() ? std::string(row.name) : fmt::format("{} {}", row.name, row.value),
            row.help);
    for (const auto& [name, help] : program.print_switches)
        out += fmt::format("  --{:<24} {}\n", name, help);
    out += "\noptions of the configuration; each also as --NAME VALUE:\n";
    for (const config::Option& option : program.options)
        out += fmt::format("  {:<26} {}\n", option.name, option.help);
    return out +
           "\nsignals: TERM stops, HUP reloads (after checking), USR1 writes the status to the "
           "log\n"
           "exit:    0 done, 64 wrong usage, 70 bug, 73 cannot create, 75 try again, 78 "
           "configuration\n";
}

}  // namespace lb::app
