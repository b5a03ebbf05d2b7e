#include "logd/opennebula_agent/options.h"

#include <cstdlib>

#include "logd/agent/service.h"

namespace lb::opennebula_agent {

namespace {

using config::Kind;
using config::Option;

constexpr char kFrontEndAuth[] = "/var/lib/one/.one/one_auth";

// clang-format off
constexpr Option kOptions[] = {
    {"events", Kind::kText, "tcp://127.0.0.1:2101", "where OpenNebula publishes its events: HM_MAD of oned.conf"},
    {"xmlrpc", Kind::kText, "http://127.0.0.1:2633/RPC2", "where OpenNebula answers; https:// when that is another machine"},
    {"auth_file", Kind::kText, "", "who asks, user:password; empty: ONE_AUTH or /var/lib/one/.one/one_auth"},
    {"scope", Kind::kText, "", "tells several clouds apart: the key of machine 42 is one-vmid:SCOPE/42; as the hooks have it"},
    {"resync_seconds", Kind::kInteger, "300", "seconds between comparisons with what OpenNebula has; 0: only when something may have been missed", 0, 86'400},
    {"settle_ms", Kind::kInteger, "1000", "ms between a connection, or a gap, and the look at what OpenNebula has", 0, 60'000},
    {"call_timeout_seconds", Kind::kInteger, "30", "seconds that OpenNebula may take for an answer", 1, 3'600},
    {"backoff_max_ms", Kind::kInteger, "30000", "ms: cap of the longest wait when OpenNebula does not answer", 200, 3'600'000},
};
// clang-format on

std::string auth_file_of(const config::Config& config) {
    if (!config.text("auth_file").empty()) return config.text("auth_file");
    const char* const named = std::getenv("ONE_AUTH");
    return named != nullptr ? named : kFrontEndAuth;
}

}  // namespace

std::span<const Option> option_table() {
    static const std::vector<Option> table = agent::with_logger_options(kOptions);
    return table;
}

Result<AgentOptions> options_of(const config::Config& config) {
    AgentOptions options;
    options.events = config.text("events");
    options.xmlrpc = config.text("xmlrpc");
    options.auth_file = auth_file_of(config);
    options.scope = config.text("scope");
    options.host = agent::host_of(config);
    options.call_timeout = std::chrono::seconds(config.integer("call_timeout_seconds"));
    options.resync_interval = std::chrono::seconds(config.integer("resync_seconds"));
    options.settle_time = std::chrono::milliseconds(config.integer("settle_ms"));
    options.backoff_max = std::chrono::milliseconds(config.integer("backoff_max_ms"));
    if (!options.xmlrpc.starts_with("http://") && !options.xmlrpc.starts_with("https://"))
        return Error{ErrorCode::kReject,
                     "xmlrpc: " + options.xmlrpc + " begins neither with http:// nor https://"};
    return options;
}

}  // namespace lb::opennebula_agent
