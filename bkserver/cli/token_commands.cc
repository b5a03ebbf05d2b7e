#include "bkserver/cli/token_commands.h"

#include <charconv>
#include <optional>
#include <ostream>
#include <vector>

#include "bkserver/cli/connection.h"
#include "bkserver/cli/row_printer.h"
#include "bkserver/cli/table.h"

namespace lb::cli {

namespace {

using lb::v1::TokenRequest;

struct TokenOptions {
    std::string process;
    std::vector<std::string> sources;
    std::string valid = "30d";
    std::string note;
    std::string id;
    bool may_read = false;
};

// "30d", "12h", "15m", "90s" as seconds.
std::optional<std::uint64_t> seconds_of(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc() || end + 1 != text.data() + text.size() || number == 0)
        return std::nullopt;
    constexpr std::uint64_t kNumberMax = 1'000'000'000;
    if (number > kNumberMax) return std::nullopt;
    switch (*end) {
        case 'd':
            return number * 86'400;
        case 'h':
            return number * 3'600;
        case 'm':
            return number * 60;
        case 's':
            return number;
        default:
            return std::nullopt;
    }
}

// Every row of the answer, over all its pages.
Status ask_all(Context& context, const TokenRequest& question, const OnRow& on_row) {
    LB_TRY_ASSIGN(const auto client, connect(context));
    lb::v1::Request request;
    *request.mutable_token() = question;
    do {
        LB_TRY_ASSIGN(*request.mutable_token()->mutable_cursor(),
                      ask(context, *client, request, on_row));
    } while (!request.token().cursor().empty());
    return {};
}

Status issue(Context& context, const TokenOptions& options) {
    const auto seconds = seconds_of(options.valid);
    if (!seconds)
        return Error{ErrorCode::kReject, "token issue: --valid " + options.valid +
                                             " is no time; 30d, 12h, 15m or 90s would be"};
    TokenRequest request;
    request.set_act(TokenRequest::ACT_ISSUE);
    request.set_process(options.process);
    for (const std::string& source : options.sources) request.add_sources(source);
    request.set_valid_seconds(*seconds);
    request.set_may_read(options.may_read);
    request.set_note(options.note);
    return ask_all(context, request, [&](const Json& row) {
        if (context.settings.is_json) return context.print_json(row);
        context.err << "token " << text_of(row, "id") << " for " << text_of(row, "process")
                    << " until " << text_of(row, "expires") << "; it is not shown again:\n";
        context.out << text_of(row, "token") << '\n';
    });
}

Status list(Context& context) {
    TokenRequest request;
    RowPrinter printer(context,
                       {{"ID", "id"},
                        {"PROCESS", "process"},
                        {"SOURCES", "sources"},
                        {"UNTIL", "expires"},
                        {"REVOKED", "revoked"},
                        {"ISSUED BY", "issued_by"},
                        {"NOTE", "note"}},
                       "id");
    LB_TRY(ask_all(context, request, [&](const Json& row) { printer.add(row); }));
    printer.finish();
    return {};
}

Status revoke(Context& context, const TokenOptions& options) {
    TokenRequest request;
    request.set_act(TokenRequest::ACT_REVOKE);
    request.set_id(options.id);
    return ask_all(context, request, [&](const Json& row) {
        if (context.settings.is_json) return context.print_json(row);
        context.out << "revoked " << text_of(row, "id") << " at " << text_of(row, "revoked")
                    << '\n';
    });
}

}  // namespace

void add_token_commands(CLI::App& lbctl, Context& context) {
    CLI::App* const parent =
        lbctl.add_subcommand("token", "Tokens with which a guest logs over HTTP, for one process");
    parent->require_subcommand(1)->fallthrough();
    auto options = std::make_shared<TokenOptions>();

    CLI::App* const issue_command =
        add_command(*parent, context, "issue", "Make a token; prints it, once",
                    [&context, options] { return issue(context, *options); });
    issue_command->add_option("--process", options->process, "id or key of the process")
        ->required();
    issue_command->add_option(
        "--source", options->sources,
        "source as which its bearer may speak; may be repeated; default: VMSystem");
    issue_command->add_option("--valid", options->valid, "how long: 30d, 12h, 15m, 90s")
        ->capture_default_str();
    issue_command->add_flag("--read", options->may_read, "its bearer may read the process, too");
    issue_command->add_option("--note", options->note, "what it is for, for people");
    issue_command->footer(
        "Example:\n"
        "  TOKEN=$(lbctl token issue --process libvirt-uuid:/6b1a2a9e-... --valid 7d)\n"
        "  curl -H \"Authorization: Bearer $TOKEN\" https://lb.example.org:9000/v1/events \\\n"
        "       -d '{\"type\": \"VMRunning\"}'");

    add_command(
        *parent, context, "list", "Tokens: all for administrators, else those that you issued",
        [&context] { return list(context); }, Prints::kRows)
        ->footer("Example: lbctl token list -o csv");

    CLI::App* const revoke_command =
        add_command(*parent, context, "revoke", "End a token: at once here, in seconds elsewhere",
                    [&context, options] { return revoke(context, *options); });
    revoke_command->add_option("ID", options->id, "as list shows it")->required();
    revoke_command->footer("Example: lbctl token revoke 0123456789abcdef");
}

}  // namespace lb::cli
