#include "logd/daemon/options.h"

#include <charconv>

#include "logd/daemon/source_policy.h"

namespace lb::logd {

namespace {

using config::Kind;
using config::Option;

constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;
constexpr std::int64_t kGiB = 1024 * kMiB;

// clang-format off
constexpr Option kOptions[] = {
    {"spool_dir", Kind::kText, "", "directory of the spool; empty: spool in the state directory"},
    {"drop_dir", Kind::kText, "", "where producers leave events while lb-logd is away; empty: drop in the state directory"},
    {"socket", Kind::kText, "", "path of the producers' socket; empty: logd.sock in the runtime directory"},
    {"socket_mode", Kind::kText, "0666", "its mode, octal: who may connect; sources say what he may log"},
    {"host", Kind::kText, "", "name of this host in acceptances; empty: the system's"},
    {"default_destination", Kind::kText, "", "host:port of the bookkeeping service for events that name a key"},
    {"destinations", Kind::kTextList, "", "further host:port that events may be sent to; * = any"},
    {"sources", Kind::kTextList, "uid:0: *, *: Undefined UserInterface Application LRMS",
     "who may log as which source: WHO: SOURCE SOURCE, WHO = *, uid:N, user:NAME, group:NAME or certificate:NAME-PATTERN"},
    {"connections_max", Kind::kInteger, "1024", "producers connected at once", 1, 100'000},
    {"connections_per_user_max", Kind::kInteger, "512", "of them by one user; root is not counted", 1, 100'000},
    {"in_flight_max", Kind::kInteger, "256", "requests of one connection without an answer", 1, 65'536},
    {"queue_bytes_max", Kind::kInteger, "67108864", "bytes accepted and not yet durable", kMiB, 16 * kGiB},
    {"buffer_bytes_max", Kind::kInteger, "67108864", "bytes of frames that did not arrive whole", kMiB, 16 * kGiB},
    {"sync_wait_ms", Kind::kInteger, "1000", "ms a synchronous producer waits if it does not say", 0, 3'600'000},
    {"sync_wait_ms_max", Kind::kInteger, "60000", "ms it may wait at most", 0, 3'600'000},
    {"drop_scan_ms", Kind::kInteger, "2000", "ms between looks into the drop directory", 10, 3'600'000},
    {"remote.port", Kind::kInteger, "0", "TCP port at which producers of other hosts log over TLS, the original's was 9002; 0 = none", 0, 65'535},
    {"remote.address", Kind::kText, "::", "numeric address of this host that it listens on; :: = all"},
    {"remote.connections_max", Kind::kInteger, "256", "remote producers connected at once, beside connections_max", 1, 100'000},
    {"remote.connections_per_name_max", Kind::kInteger, "64", "of them with one name in their certificates", 1, 100'000},
    {"remote.queue_bytes_max", Kind::kInteger, "16777216", "bytes that they sent and that are not durable yet", kMiB, 16 * kGiB},
    {"remote.idle_seconds", Kind::kInteger, "600", "seconds of silence that end the connection of one", 1, 86'400},
    {"tls.certificate", Kind::kText, "/etc/lb/host.pem", "PEM file of this host for the remote port, own certificate first"},
    {"tls.key", Kind::kText, "/etc/lb/host.key", "PEM file of its key"},
    {"tls.authorities", Kind::kText, "/etc/lb/authorities", "PEM bundle or directory of authorities and revocation lists: whose certificates remote producers may show"},
    {"spool.segment_bytes_min", Kind::kInteger, "65536", "bytes of a lane's first segment", 4 * kKiB, kGiB},
    {"spool.segment_bytes_max", Kind::kInteger, "16777216", "bytes of the largest", 4 * kKiB, kGiB},
    {"spool.free_bytes_min", Kind::kInteger, "67108864", "bytes left free on the spool's file system", 0},
    {"spool.open_lanes_max", Kind::kInteger, "256", "lanes kept open at once", 2, 65'536},
};
// clang-format on

Result<std::uint32_t> parse_mode(const std::string& text) {
    std::uint32_t mode = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
    if (error != std::errc() || end != text.data() + text.size() || mode > 0777)
        return Error{ErrorCode::kReject,
                     "socket_mode \"" + text + "\" is no octal mode such as 0660"};
    return mode;
}

void read_limits(const config::Config& config, LogdOptions& options) {
    const auto number = [&](std::string_view name) {
        return static_cast<std::size_t>(config.integer(name));
    };
    options.connections_max = number("connections_max");
    options.connections_per_user_max = number("connections_per_user_max");
    options.in_flight_max = number("in_flight_max");
    options.queue_bytes_max = number("queue_bytes_max");
    options.buffer_bytes_max = number("buffer_bytes_max");
    options.sync_wait_ms = static_cast<std::uint32_t>(number("sync_wait_ms"));
    options.sync_wait_ms_max = static_cast<std::uint32_t>(number("sync_wait_ms_max"));
    options.drop_scan_ms = static_cast<std::uint32_t>(number("drop_scan_ms"));
    options.remote.port = static_cast<std::uint16_t>(number("remote.port"));
    options.remote.address = config.text("remote.address");
    options.remote.connections_max = number("remote.connections_max");
    options.remote.connections_per_name_max = number("remote.connections_per_name_max");
    options.remote.queue_bytes_max = number("remote.queue_bytes_max");
    options.remote.idle_seconds = static_cast<std::uint32_t>(number("remote.idle_seconds"));
    options.remote.tls = {config.text("tls.certificate"), config.text("tls.key"),
                          config.text("tls.authorities")};
    options.spool.segment_bytes_min = number("spool.segment_bytes_min");
    options.spool.segment_bytes_max = number("spool.segment_bytes_max");
    options.spool.free_bytes_min = number("spool.free_bytes_min");
    options.spool.open_lanes_max = number("spool.open_lanes_max");
}

Status check(const LogdOptions& options) {
    LB_TRY(SourcePolicy::parse(options.sources));
    for (const std::string& text : options.destinations)
        if (text != "*") LB_TRY(spool::Destination::parse(text));
    if (!options.default_destination.empty())
        LB_TRY(spool::Destination::parse(options.default_destination));
    if (options.spool.segment_bytes_min > options.spool.segment_bytes_max)
        return Error{ErrorCode::kReject,
                     "spool.segment_bytes_min is more than spool.segment_bytes_max"};
    return {};
}

}  // namespace

std::span<const Option> option_table() {
    return kOptions;
}

Result<LogdOptions> options_of(const config::Config& config, const app::Directories& directories) {
    const auto path = [&](std::string_view name, const std::string& fallback) {
        return config.text(name).empty() ? fallback : config.text(name);
    };
    LogdOptions options;
    options.state_directory = directories.state;
    options.runtime_directory = directories.runtime;
    options.spool_directory = path("spool_dir", options.state_directory + "/spool");
    options.drop_directory = path("drop_dir", options.state_directory + "/drop");
    options.socket_path = path("socket", options.runtime_directory + "/logd.sock");
    LB_TRY_ASSIGN(options.socket_mode, parse_mode(config.text("socket_mode")));
    options.host = config.text("host");
    options.default_destination = config.text("default_destination");
    options.destinations = config.list("destinations");
    options.sources = config.list("sources");
    options.spool.root = options.spool_directory;
    read_limits(config, options);
    LB_TRY(check(options));
    return options;
}

}  // namespace lb::logd
