#include "interlogd/options.h"

namespace lb::interlogd {

namespace {

using config::Kind;
using config::Option;

constexpr std::int64_t kMiB = 1024 * 1024;
constexpr std::int64_t kGiB = 1024 * kMiB;

// clang-format off
constexpr Option kOptions[] = {
    {"spool_dir", Kind::kText, "", "directory of lb-logd's spool; empty: spool in the state directory"},
    {"host", Kind::kText, "", "name of this host; empty: the system's"},
    {"tls.certificate", Kind::kText, "/etc/lb/host.pem", "PEM file, own certificate first"},
    {"tls.key", Kind::kText, "/etc/lb/host.key", "PEM file of its key"},
    {"tls.authorities", Kind::kText, "/etc/lb/authorities", "PEM bundle or directory of trusted authorities and revocation lists"},
    {"routes", Kind::kTextList, "", "host:port=host:port: where a destination is reached when not under its own name"},
    {"memory_bytes_max", Kind::kInteger, "25165824", "bytes of events in memory, all destinations together", kMiB, 16 * kGiB},
    {"dials_max", Kind::kInteger, "128", "connections being made at once; further destinations wait their turn", 1, 65'536},
    {"rescan_seconds", Kind::kInteger, "30", "seconds between looks for lanes that no ring told of", 1, 86'400},
    {"drain_ms", Kind::kInteger, "2000", "ms to wait for verdicts when the daemon ends", 0, 60'000},
    {"window_events", Kind::kInteger, "16384", "events of one destination that may be unsettled", 1, 1'000'000},
    {"window_bytes", Kind::kInteger, "16777216", "their bytes", 64 * 1024, kGiB},
    {"batch_events_max", Kind::kInteger, "512", "events of one batch", 1, 1024},
    {"batch_bytes_max", Kind::kInteger, "1048576", "bytes of one batch; a larger event travels alone", 1024, 4 * kMiB},
    {"backoff_first_ms", Kind::kInteger, "200", "ms: cap of the first wait after a failure; it doubles", 1, 3'600'000},
    {"backoff_max_ms", Kind::kInteger, "60000", "ms: cap of the longest wait", 1, 3'600'000},
    {"retries_max", Kind::kInteger, "100", "times that an event may fail while others get through, before it is set aside", 1, 1'000'000},
};
// clang-format on

Result<std::map<spool::Destination, spool::Destination>> routes_of(
    const std::vector<std::string>& texts) {
    std::map<spool::Destination, spool::Destination> routes;
    for (const std::string& text : texts) {
        const std::size_t equals = text.find('=');
        if (equals == std::string::npos)
            return Error{ErrorCode::kReject,
                         "routes: \"" + text + "\" is not of the form host:port=host:port"};
        const auto from = spool::Destination::parse(text.substr(0, equals));
        const auto to = spool::Destination::parse(text.substr(equals + 1));
        if (!from.ok()) return from.error().within("routes");
        if (!to.ok()) return to.error().within("routes");
        routes[*from] = *to;
    }
    return routes;
}

}  // namespace

std::span<const Option> option_table() {
    return kOptions;
}

Result<ForwarderOptions> options_of(const config::Config& config,
                                    const app::Directories& directories) {
    const auto number = [&](std::string_view name) {
        return static_cast<std::size_t>(config.integer(name));
    };
    const auto small = [&](std::string_view name) {
        return static_cast<std::uint32_t>(config.integer(name));
    };
    ForwarderOptions options;
    options.spool_directory =
        config.text("spool_dir").empty() ? directories.state + "/spool" : config.text("spool_dir");
    options.runtime_directory = directories.runtime;
    options.host = config.text("host");
    options.tls = {config.text("tls.certificate"), config.text("tls.key"),
                   config.text("tls.authorities")};
    LB_TRY_ASSIGN(options.routes, routes_of(config.list("routes")));
    options.memory_bytes_max = number("memory_bytes_max");
    options.dials_max = number("dials_max");
    options.rescan_seconds = small("rescan_seconds");
    options.drain_ms = small("drain_ms");
    options.queue.window_events = number("window_events");
    options.queue.window_bytes = number("window_bytes");
    options.queue.batch_events_max = number("batch_events_max");
    options.queue.batch_bytes_max = number("batch_bytes_max");
    options.queue.backoff_first_ms = small("backoff_first_ms");
    options.queue.backoff_max_ms = small("backoff_max_ms");
    options.queue.retries_max = small("retries_max");
    if (options.queue.backoff_first_ms > options.queue.backoff_max_ms)
        return Error{ErrorCode::kReject, "backoff_first_ms is more than backoff_max_ms"};
    return options;
}

}  // namespace lb::interlogd
