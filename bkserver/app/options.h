// What lb-bkserver is configured with. The table in options.cc has the defaults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bkserver/app/http_door.h"
#include "bkserver/ingest/lanes.h"
#include "bkserver/ingest/session.h"
#include "bkserver/store/mariadb/private_server.h"
#include "common/app/daemon.h"
#include "common/base/result.h"
#include "common/config/config.h"
#include "common/net/connection.h"
#include "common/tls/credentials.h"

namespace lb::bkserver {

struct ServerOptions {
    std::string service;  // host:port of the ids that this server keeps
    std::string host;     // of this server: in acceptances and identities of its local users
    std::string address;  // numeric; where it listens
    std::uint16_t port = 0;
    std::string socket_path;
    tls::CredentialFiles tls;  // certificate empty: no network
    std::string policy;        // path, "open", or empty for the default one
    std::vector<std::uint32_t> admin_uids;

    std::string database;  // DSN; empty: the private server
    std::string instance;  // this server among those that share a database
    std::uint32_t database_wait_seconds = 0;
    store::mariadb::PrivateServerOptions private_server;

    ingest::LaneOptions lanes;
    ingest::SessionOptions session;
    std::size_t connections_max = 0;
    std::uint32_t query_threads = 0;
    std::size_t queries_waiting_max = 0;
    HttpLimits http;
    std::uint32_t http_threads = 0;
    std::size_t http_requests_waiting_max = 0;
    std::uint32_t query_seconds_max = 0;
    std::uint32_t slow_query_ms = 0;
};

// The options as rows of the configuration file.
std::span<const config::Option> option_table();

// kReject when options contradict each other or cannot be understood.
Result<ServerOptions> options_of(const config::Config& config, const app::Directories& directories);

}  // namespace lb::bkserver
