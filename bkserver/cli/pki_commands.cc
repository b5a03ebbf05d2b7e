#include "bkserver/cli/pki_commands.h"

#include <ostream>
#include <vector>

#include "common/tls/pki.h"

namespace lb::cli {

namespace {

struct PkiOptions {
    std::string directory;
    std::string organization = "lb";
    std::string name = "lb site CA";
    std::string host;
    std::string user;
    std::vector<std::string> also;
    std::string out;
    std::string certificate;
    int days = 0;
};

Status init(Context& context, const PkiOptions& options) {
    tls::AuthorityOptions authority;
    authority.directory = options.directory;
    authority.dn = "/O=" + options.organization + "/CN=" + options.name;
    if (options.days != 0) authority.valid_days = options.days;
    LB_TRY(tls::make_authority(authority));
    const std::string certificate = options.directory + "/ca.pem";
    if (context.settings.is_json)
        context.print_json({{"authority", authority.dn}, {"certificate", certificate}});
    else
        context.out << certificate << '\n';
    return {};
}

Status issue(Context& context, const PkiOptions& options) {
    if (options.host.empty() == options.user.empty())
        return Error{ErrorCode::kReject, "pki issue: give --host or --user, one of them"};
    const bool is_host = !options.host.empty();
    tls::CertificateRequest request;
    request.dn = "/O=" + options.organization +
                 (is_host ? "/CN=host/" + options.host : "/CN=" + options.user);
    if (is_host) request.host_names.push_back(options.host);
    request.host_names.insert(request.host_names.end(), options.also.begin(), options.also.end());
    if (options.days != 0) request.valid_days = options.days;
    std::string base = options.out;
    if (base.empty()) base = options.directory + "/" + (is_host ? options.host : options.user);
    request.certificate_file = base + ".pem";
    request.key_file = base + ".key";
    LB_TRY(tls::issue_certificate(options.directory, request));
    if (context.settings.is_json)
        context.print_json({{"subject", request.dn},
                            {"certificate", request.certificate_file},
                            {"key", request.key_file}});
    else
        context.out << request.certificate_file << ' ' << request.key_file << '\n';
    return {};
}

}  // namespace

void add_pki_commands(CLI::App& lbctl, Context& context) {
    CLI::App* const parent = lbctl.add_subcommand(
        "pki", "A small certificate authority, for tests and sites that have none");
    parent->require_subcommand(1)->fallthrough();
    auto options = std::make_shared<PkiOptions>();
    const auto add_common = [&](CLI::App* command) {
        command->add_option("DIR", options->directory, "directory of the authority")->required();
        command->add_option("--organization", options->organization, "O= of the names")
            ->capture_default_str();
        command->add_option("--days", options->days, "days that it is valid; negative: ended");
    };
    CLI::App* const init_command =
        add_command(*parent, context, "init", "Make an authority; prints its certificate's file",
                    [&context, options] { return init(context, *options); });
    add_common(init_command);
    init_command->add_option("--name", options->name, "its name")->capture_default_str();
    init_command->footer("Example: lbctl pki init /etc/lb/pki");

    CLI::App* const issue_command = add_command(
        *parent, context, "issue", "Issue a certificate; prints its file and that of its key",
        [&context, options] { return issue(context, *options); });
    add_common(issue_command);
    issue_command->add_option("--host", options->host, "of a host or server: its full name");
    issue_command->add_option("--user", options->user, "of a person: the name");
    issue_command->add_option("--also", options->also,
                              "further host name or address in it; may be repeated");
    issue_command->add_option("--out", options->out,
                              "files are named OUT.pem and OUT.key; default: DIR/NAME");
    issue_command->footer(
        "Examples:\n  lbctl pki init /etc/lb/pki --name \"Example CA\"\n"
        "  lbctl pki issue /etc/lb/pki --host lb.example.org --also 192.0.2.1\n"
        "  lbctl pki issue /etc/lb/pki --user alice --out ~/.lb/alice");

    CLI::App* const revoke_command = add_command(
        *parent, context, "revoke", "Put a certificate on the revocation list",
        [options] { return tls::revoke_certificate(options->directory, options->certificate); });
    revoke_command->add_option("DIR", options->directory, "directory of the authority")->required();
    revoke_command->add_option("CERTIFICATE", options->certificate, "PEM file")->required();
    revoke_command->footer(
        "Example: lbctl pki revoke /etc/lb/pki /etc/lb/pki/node1.example.org.pem");
}

}  // namespace lb::cli
