#include "bkserver/cli/command_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <ostream>

#include "common/base/json_line.h"
#include "common/spool/spool_format.h"

namespace lb::cli {

namespace {

constexpr char kDefaultServer[] = "/run/lb-bkserver/bkserver.sock";

}  // namespace

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
    exit_code = exit_code_of(error.code);
}

void Context::print_json(const Json& row) {
    out << json_line(row) << '\n';
}

void add_settings(CLI::App& lbctl, Settings& settings) {
    lbctl
        .add_option("--server,-s", settings.server,
                    "host:port of the server, or the path of its local socket")
        ->envname("LB_SERVER")
        ->default_str(kDefaultServer);
    settings.server = kDefaultServer;
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

Result<std::unique_ptr<net::Client>> connect(const Settings& settings) {
    net::ClientOptions options;
    options.software = "lbctl " LB_VERSION;
    options.timeout = std::chrono::seconds(settings.timeout_seconds);
    if (settings.server.starts_with('/')) {
        options.socket_path = settings.server;
    } else {
        LB_TRY_ASSIGN(const auto place, spool::Destination::parse(settings.server));
        options.host = place.host;
        options.port = place.port;
        if (!settings.server_name.empty()) options.host_names = {settings.server_name};
        if (settings.certificate.empty() || settings.key.empty() || settings.authorities.empty())
            return Error{ErrorCode::kReject,
                         "a server over the network needs --cert, --key and --ca (or LB_CERT, "
                         "LB_KEY and LB_CA)"};
        LB_TRY_ASSIGN(
            options.credentials,
            tls::Credentials::load({settings.certificate, settings.key, settings.authorities}));
    }
    auto client = net::Client::connect(options);
    if (client.ok()) return client;
    return client.error().within("server " + settings.server);
}

CLI::App* add_command(CLI::App& parent, Context& context, const std::string& name,
                      const std::string& help, std::function<Status()> run) {
    CLI::App* const command = parent.add_subcommand(name, help);
    command->fallthrough();
    command->callback([&context, run = std::move(run)] {
        if (const Status status = run(); !status.ok()) context.fail(status.error());
    });
    return command;
}

}  // namespace lb::cli
