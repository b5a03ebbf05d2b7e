// The command line of a daemon.
#pragma once

#include <string>
#include <vector>

#include "common/app/daemon.h"

namespace lb::app {

enum class Act { kRun, kHelp, kVersion, kCheckConfig, kPrintConfig, kListMessages, kPrint };

struct CommandLine {
    Act act = Act::kRun;
    std::string config_file;
    Directories directories;
    std::vector<config::Override> overrides;  // --set name=value
    std::string print_name;                   // of kPrint
    std::string print_value;
};

// kReject names the argument and what would be right.
Result<CommandLine> parse_command_line(const Program& program,
                                       const std::vector<std::string_view>& arguments);
std::string help_text(const Program& program);

}  // namespace lb::app
