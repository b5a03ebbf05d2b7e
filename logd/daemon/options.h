// What lb-logd is configured with. The table in options.cc has the defaults; each limit is
// explained where it is enforced.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/app/daemon.h"
#include "common/base/result.h"
#include "common/config/config.h"
#include "common/spool/spool_writer.h"
#include "common/tls/credentials.h"

namespace lb::logd {

// Of the door for remote producers.
struct RemoteOptions {
    std::string address;     // numeric; "::" = all
    std::uint16_t port = 0;  // 0: no door
    std::size_t connections_max = 0;
    std::size_t connections_per_name_max = 0;
    std::size_t queue_bytes_max = 0;  // of events that were not answered yet, all remote producers
    std::uint32_t idle_seconds = 0;
    tls::CredentialFiles tls;
};

struct LogdOptions {
    std::string state_directory;
    std::string runtime_directory;
    std::string spool_directory;
    std::string drop_directory;
    std::string socket_path;
    std::uint32_t socket_mode = 0;
    std::string host;  // empty: the system's host name

    std::string
        default_destination;  // host:port for events that name a key; empty: they are refused
    std::vector<std::string> destinations;  // host:port that may be sent to; "*" = any
    std::vector<std::string> sources;       // rules of SourcePolicy

    std::size_t connections_max = 0;
    std::size_t connections_per_user_max = 0;  // root is not counted
    std::size_t in_flight_max = 0;             // requests of one connection without an answer
    std::size_t queue_bytes_max = 0;           // accepted, not yet durable
    std::size_t buffer_bytes_max = 0;          // frames that did not arrive whole, all producers
    std::uint32_t sync_wait_ms = 0;            // for a verdict, when the producer does not say
    std::uint32_t sync_wait_ms_max = 0;
    std::uint32_t drop_scan_ms = 0;

    RemoteOptions remote;

    spool::SpoolWriterOptions spool;  // its root is spool_directory
};

// The options as rows of the configuration file.
std::span<const config::Option> option_table();

// kReject when options contradict each other or cannot be understood.
Result<LogdOptions> options_of(const config::Config& config, const app::Directories& directories);

}  // namespace lb::logd
