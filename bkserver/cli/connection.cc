#include "bkserver/cli/connection.h"

#include <chrono>

namespace lb::cli {

namespace {

// As long as the server itself gives a change of a table.
constexpr std::chrono::hours kPatience{24};

Result<std::string> ask(net::Client& client, const lb::v1::Request& request, const OnRow& on_row,
                        Progress& progress, std::chrono::milliseconds timeout) {
    std::string cursor;
    const auto hand_out = [&](const lb::v1::Reply& reply) {
        for (const std::string& text : reply.rows())
            if (const Json row = Json::parse(text, nullptr, false); !row.is_discarded())
                on_row(row);
        cursor = reply.cursor();
        return true;
    };
    const auto on_wait = [&] {
        progress.tick();
        return true;
    };
    LB_TRY(client.ask(request, hand_out, {timeout, on_wait}));
    return cursor;
}

}  // namespace

consumer::Options options_of(const Settings& settings) {
    return {settings.server,
            settings.certificate,
            settings.key,
            settings.authorities,
            settings.server_name,
            "lbctl " LB_VERSION,
            std::chrono::seconds(settings.timeout_seconds)};
}

Result<std::unique_ptr<net::Client>> connect(Context& context) {
    auto client = consumer::connect(options_of(context.settings));
    context.is_unreachable = !client.ok() && (client.error().code == ErrorCode::kRetry ||
                                              client.error().code == ErrorCode::kTimeout);
    return client;
}

Result<std::string> ask(Context& context, net::Client& client, const lb::v1::Request& request,
                        const OnRow& on_row) {
    Progress progress(context.err, [&] { return "no answer yet, " + progress.seconds_text(); });
    return ask(client, request, on_row, progress,
               std::chrono::seconds(context.settings.timeout_seconds));
}

Result<std::string> ask(Context& context, const lb::v1::Request& request, const OnRow& on_row) {
    LB_TRY_ASSIGN(const auto client, connect(context));
    return ask(context, *client, request, on_row);
}

Result<std::string> ask_for_hours(net::Client& client, const lb::v1::Request& request,
                                  Progress& progress, const OnRow& on_row) {
    return ask(client, request, on_row, progress, kPatience);
}

Status ask_for_hours(Context& context, const lb::v1::Request& request, std::string_view instead,
                     const OnRow& on_row) {
    LB_TRY_ASSIGN(const auto client, connect(context));
    Progress progress(context.err,
                      [&] { return progress.seconds_text() + "; " + std::string(instead); });
    LB_TRY(ask_for_hours(*client, request, progress, on_row));
    return {};
}

}  // namespace lb::cli
