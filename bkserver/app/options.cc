#include "bkserver/app/options.h"

#include <charconv>

#include "bkserver/store/mariadb/dsn.h"
#include "common/base/ascii.h"
#include "common/env/env.h"
#include "common/event/process_id.h"

namespace lb::bkserver {

namespace {

using config::Kind;
using config::Option;

constexpr std::int64_t kMiB = 1024 * 1024;
constexpr std::int64_t kGiB = 1024 * kMiB;

// clang-format off
constexpr Option kOptions[] = {
    {"service", Kind::kText, "", "host:port in the ids of the processes kept here; empty: this host and port"},
    {"host", Kind::kText, "", "name of this host; empty: the system's"},
    {"address", Kind::kText, "::", "numeric address to listen at; :: = all"},
    {"port", Kind::kInteger, "9000", "TCP port; 0 = any free one", 0, 65'535},
    {"socket", Kind::kText, "", "path of the socket for local users; empty: bkserver.sock in the runtime directory"},
    {"tls.certificate", Kind::kText, "", "PEM file, own certificate first; empty: no network, the local socket only"},
    {"tls.key", Kind::kText, "", "PEM file of its key"},
    {"tls.authorities", Kind::kText, "", "PEM bundle or directory of trusted authorities and revocation lists"},
    {"policy", Kind::kText, "", "policy file; empty: hosts speak for themselves; open: whoever is authenticated may do everything", 0, INT64_MAX, true},
    {"admin_uids", Kind::kTextList, "0", "local users who may do everything, by number"},
    {"database", Kind::kText, "", "mariadb://user:password@host:port/database; empty: a private mariadbd in the state directory"},
    {"database_wait_seconds", Kind::kInteger, "60", "seconds to wait at the start for the database", 0, 86'400},
    {"instance", Kind::kText, "", "name of this server among those that share a database; empty: host:port"},
    {"private.buffer_pool_mib", Kind::kInteger, "128", "MiB of memory for pages of the private mariadbd", 16, 1024 * 1024, },
    {"private.log_file_mib", Kind::kInteger, "96", "MiB of its redo log", 16, 1024 * 1024},
    {"lanes", Kind::kInteger, "2", "writers to the database at once", 1, 64},
    {"cached_processes", Kind::kInteger, "20000", "processes that each lane remembers", 1, 10'000'000},
    {"cached_bytes", Kind::kInteger, "134217728", "bytes of memory, about, that these may take in each lane", kMiB, 64 * kGiB},
    {"queue_events_max", Kind::kInteger, "50000", "events received and not yet settled, of all peers", 1, 10'000'000},
    {"queue_bytes_max", Kind::kInteger, "134217728", "their bytes", kMiB, 64 * kGiB},
    {"window_events", Kind::kInteger, "16384", "events that one peer may have unsettled", 1, 1'000'000},
    {"window_bytes", Kind::kInteger, "16777216", "their bytes", kMiB, kGiB},
    {"keepalive_seconds", Kind::kInteger, "10", "seconds between keepalives", 1, 3600},
    {"connections_max", Kind::kInteger, "4096", "peers connected at once", 1, 100'000},
    {"query_threads", Kind::kInteger, "4", "questions answered at once", 1, 256},
    {"queries_waiting_max", Kind::kInteger, "1024", "questions that wait for a thread", 1, 100'000},
    {"http.threads", Kind::kInteger, "2", "HTTP requests answered at once", 1, 256},
    {"http.requests_waiting_max", Kind::kInteger, "256", "HTTP requests that wait for a thread", 1, 100'000},
    {"http.connections_max", Kind::kInteger, "1024", "HTTP clients connected at once, part of connections_max; when there are more the slowest goes", 1, 100'000},
    {"query_seconds_max", Kind::kInteger, "20", "seconds of the database that a statement of a query may take before it is ended", 1, 3600},
    {"slow_query_ms", Kind::kInteger, "1000", "queries that take longer are logged with their plan; 0: none", 0, 60'000},
};
// clang-format on

Result<std::vector<std::uint32_t>> uids_of(const std::vector<std::string>& texts) {
    std::vector<std::uint32_t> uids;
    for (const std::string& text : texts) {
        std::uint32_t uid = 0;
        const char* const end = text.data() + text.size();
        const auto [stop, problem] = std::from_chars(text.data(), end, uid);
        if (problem != std::errc() || stop != end)
            return Error{ErrorCode::kReject, "admin_uids: \"" + text + "\" is no number of a user"};
        uids.push_back(uid);
    }
    return uids;
}

void read_limits(const config::Config& config, ServerOptions& options) {
    const auto number = [&](std::string_view name) {
        return static_cast<std::size_t>(config.integer(name));
    };
    const auto small = [&](std::string_view name) {
        return static_cast<std::uint32_t>(config.integer(name));
    };
    options.database_wait_seconds = small("database_wait_seconds");
    options.private_server.buffer_pool_mib = small("private.buffer_pool_mib");
    options.private_server.log_file_mib = small("private.log_file_mib");
    options.lanes.lanes = small("lanes");
    options.lanes.book.cached_processes = number("cached_processes");
    options.lanes.book.cached_bytes = number("cached_bytes");
    options.lanes.queue_events_max = number("queue_events_max");
    options.lanes.queue_bytes_max = number("queue_bytes_max");
    options.session.window_events = number("window_events");
    options.session.window_bytes = number("window_bytes");
    options.session.keepalive_seconds = small("keepalive_seconds");
    options.connections_max = number("connections_max");
    options.query_threads = small("query_threads");
    options.queries_waiting_max = number("queries_waiting_max");
    options.http_threads = small("http.threads");
    options.http_requests_waiting_max = number("http.requests_waiting_max");
    options.http.connections_max = number("http.connections_max");
    options.query_seconds_max = small("query_seconds_max");
    options.slow_query_ms = small("slow_query_ms");
}

Status check(const ServerOptions& options) {
    if (options.tls.certificate.empty() !=
        (options.tls.key.empty() || options.tls.authorities.empty()))
        return Error{ErrorCode::kReject,
                     "tls.certificate, tls.key and tls.authorities are given together or not at "
                     "all"};
    if (!options.database.empty()) LB_TRY(store::mariadb::Dsn::parse(options.database));
    return {};
}

}  // namespace

std::span<const Option> option_table() {
    return kOptions;
}

Result<ServerOptions> options_of(const config::Config& config,
                                 const app::Directories& directories) {
    const auto or_else = [&](std::string_view name, const std::string& otherwise) {
        return config.text(name).empty() ? otherwise : config.text(name);
    };
    ServerOptions options;
    options.host = lower_case(or_else("host", env::system_host()));
    options.address = config.text("address");
    options.port = static_cast<std::uint16_t>(config.integer("port"));
    const auto id = event::ProcessId::generate(
        or_else("service", options.host + ":" + std::to_string(options.port)));
    if (!id.ok()) return id.error().within("service");
    options.service = id->service();
    options.socket_path = or_else("socket", directories.runtime + "/bkserver.sock");
    options.tls = {config.text("tls.certificate"), config.text("tls.key"),
                   config.text("tls.authorities")};
    options.policy = config.text("policy");
    LB_TRY_ASSIGN(options.admin_uids, uids_of(config.list("admin_uids")));
    options.database = config.text("database");
    options.instance = or_else("instance", options.host + ":" + std::to_string(options.port));
    options.private_server.state_dir = directories.state + "/mariadb";
    options.private_server.runtime_dir = directories.runtime + "/mariadb";
    read_limits(config, options);
    options.session.service = options.service;
    options.session.software = "lb-bkserver " LB_VERSION;
    options.lanes.book.service = options.service;
    LB_TRY(check(options));
    return options;
}

}  // namespace lb::bkserver
