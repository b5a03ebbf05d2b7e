#include "bkserver/cli/command_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <ostream>

#include "common/base/json_line.h"
#include "lb/consumer.h"

namespace lb::cli {

Terminal Terminal::of_output() {
    if (::isatty(STDOUT_FILENO) != 1) return {};
    winsize size = {};
    ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    const char* const no_colours = std::getenv("NO_COLOR");
    const char* const kind = std::getenv("TERM");
    const bool is_dumb = kind == nullptr || std::string_view(kind) == "dumb";
    return {size.ws_col, !is_dumb && (no_colours == nullptr || *no_colours == '\0')};
}

void Context::fail(const Error& error) {
    err << "lbctl: " << error.text << '\n';
    exit_code = is_unreachable ? kUnavailable : exit_code_of(error.code);
}

void Context::print_json(const Json& row) {
    out << json_line(row) << '\n';
}

void add_settings(CLI::App& lbctl, Settings& settings) {
    lbctl
        .add_option("--server,-s", settings.server,
                    "host:port of the server, or the path of its local socket")
        ->envname("LB_SERVER")
        ->default_str(LB_CONSUMER_DEFAULT_SERVER);
    settings.server = LB_CONSUMER_DEFAULT_SERVER;
    lbctl.add_option("--cert", settings.certificate, "your certificate, PEM (for host:port)")
        ->envname("LB_CERT");
    lbctl.add_option("--key", settings.key, "its key, PEM")->envname("LB_KEY");
    lbctl.add_option("--ca", settings.authorities, "trusted authorities: PEM bundle or directory")
        ->envname("LB_CA");
    lbctl
        .add_option("--server-name", settings.server_name,
                    "name in the server's certificate, if it is not the host")
        ->envname("LB_SERVER_NAME");
    lbctl.add_option("--timeout", settings.timeout_seconds, "seconds to wait for each answer")
        ->check(CLI::Range(1, 86'400))
        ->capture_default_str();
    lbctl.add_option("--output,-o", settings.output, "how rows are printed: table, json, csv, id")
        ->check(CLI::IsMember({"table", "json", "csv", "id"}))
        ->each([&settings](const std::string& form) { settings.is_json = form == "json"; })
        ->default_str("table");
    lbctl
        .add_flag_callback("--json",
                           [&settings] {
                               settings.is_json = true;
                               settings.output = "json";
                           })
        ->description("the same as --output json: one object a line");
}

CLI::App* add_command(CLI::App& parent, Context& context, const std::string& name,
                      const std::string& help, std::function<Status()> run, Prints prints) {
    CLI::App* const command = parent.add_subcommand(name, help);
    command->fallthrough();
    command->callback([&context, name, prints, run = std::move(run)] {
        const std::string& output = context.settings.output;
        if (prints == Prints::kWords && (output == "csv" || output == "id"))
            return context.fail({ErrorCode::kReject, name +
                                                         " prints no rows: there is no --output " +
                                                         output + " of it, but table and json"});
        if (const Status status = run(); !status.ok()) context.fail(status.error());
    });
    return command;
}

}  // namespace lb::cli
