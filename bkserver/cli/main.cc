// lbctl: what users and administrators ask and tell.
#include <CLI/CLI.hpp>
#include <iostream>

#include "bkserver/cli/acl_commands.h"
#include "bkserver/cli/adopt_command.h"
#include "bkserver/cli/command_line.h"
#include "bkserver/cli/completion_command.h"
#include "bkserver/cli/doctor_command.h"
#include "bkserver/cli/dump_command.h"
#include "bkserver/cli/find_command.h"
#include "bkserver/cli/load_command.h"
#include "bkserver/cli/pki_commands.h"
#include "bkserver/cli/policy_commands.h"
#include "bkserver/cli/query_commands.h"
#include "bkserver/cli/register_command.h"
#include "bkserver/cli/replay_command.h"
#include "bkserver/cli/search_commands.h"
#include "bkserver/cli/server_commands.h"
#include "bkserver/cli/setup_opennebula_command.h"
#include "bkserver/cli/spool_commands.h"
#include "bkserver/cli/tag_command.h"
#include "bkserver/cli/token_commands.h"
#include "bkserver/cli/tree_command.h"

namespace {

constexpr char kFooter[] =
    "Exit codes: 0 done, 1 not found or some failed, 64 wrong usage, 65 refused, 69 no "
    "connection,\n"
    "  73 cannot create, 75 try again, 77 not allowed.\n"
    "Where the server is: --server, else LB_SERVER; over the network with LB_CERT, LB_KEY, LB_CA.\n"
    "Each command has --help with examples.";

// CLI11 says no more than that a command is missing.
void name_unknown_command(const CLI::App& lbctl) {
    for (const std::string& word : lbctl.remaining(true)) {
        if (word.starts_with('-')) continue;
        std::cerr << "lbctl: there is no command '" << word << "' here\n";
        return;
    }
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App lbctl("What users and administrators ask the bookkeeping, and tell it.", "lbctl");
    lb::cli::Context context{
        {}, std::cout, std::cerr, lb::cli::kDone, lb::cli::Terminal::of_output()};
    lb::cli::add_settings(lbctl, context.settings);
    lbctl.set_version_flag("--version,-V", "lbctl " LB_VERSION);
    lbctl.require_subcommand(1);
    lbctl.footer(kFooter);
    lb::cli::add_query_commands(lbctl, context);
    lb::cli::add_search_commands(lbctl, context);
    lb::cli::add_find_command(lbctl, context);
    lb::cli::add_tree_command(lbctl, context);
    lb::cli::add_tag_command(lbctl, context);
    lb::cli::add_register_commands(lbctl, context);
    lb::cli::add_adopt_command(lbctl, context);
    lb::cli::add_dump_command(lbctl, context);
    lb::cli::add_load_command(lbctl, context);
    lb::cli::add_setup_opennebula_command(lbctl, context);
    lb::cli::add_server_commands(lbctl, context);
    lb::cli::add_spool_commands(lbctl, context);
    lb::cli::add_doctor_command(lbctl, context);
    lb::cli::add_acl_commands(lbctl, context);
    lb::cli::add_policy_commands(lbctl, context);
    lb::cli::add_token_commands(lbctl, context);
    lb::cli::add_pki_commands(lbctl, context);
    lb::cli::add_replay_command(lbctl, context.exit_code);
    lb::cli::add_completion_command(lbctl, context);
    try {
        lbctl.parse(argc, argv);
    } catch (const CLI::RequiredError& error) {
        name_unknown_command(lbctl);
        lbctl.exit(error);
        return lb::cli::kUsage;
    } catch (const CLI::ParseError& error) {
        return lbctl.exit(error) == 0 ? lb::cli::kDone : lb::cli::kUsage;
    } catch (const std::exception& error) {
        std::cerr << "lbctl: " << error.what() << '\n';
        return lb::cli::kBug;
    }
    return context.exit_code;
}
