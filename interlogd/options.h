// What lb-interlogd is configured with. The table in options.cc has the defaults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "common/app/daemon.h"
#include "common/base/result.h"
#include "common/config/config.h"
#include "common/spool/spool_format.h"
#include "common/tls/credentials.h"

namespace lb::interlogd {

struct QueueOptions {
    // Of one destination, unsettled at once; the receiver's credit may allow less. Twice what the
    // receiver's lanes settle at once, so that the next whole transactions wait there.
    std::size_t window_events = 16'384;
    std::size_t window_bytes = 16 * 1024 * 1024;
    std::size_t batch_events_max = 512;
    std::size_t batch_bytes_max = 1024 * 1024;
    std::uint32_t backoff_first_ms = 200;
    std::uint32_t backoff_max_ms = 60'000;
    // An event that the receiver cannot settle while it settles others, so often, is set aside.
    std::uint32_t retries_max = 100;
};

struct ForwarderOptions {
    std::string spool_directory;
    std::string runtime_directory;
    std::string host;  // of this host; empty: the system's
    tls::CredentialFiles tls;
    // Where a destination is reached when that is not its own host and port.
    std::map<spool::Destination, spool::Destination> routes;
    std::size_t memory_bytes_max = 0;  // events in memory, all destinations together
    std::size_t dials_max = 0;         // connections being made at once
    std::uint32_t rescan_seconds = 0;
    std::uint32_t drain_ms = 0;  // to wait for verdicts at the end
    QueueOptions queue;
};

// The options as rows of the configuration file.
std::span<const config::Option> option_table();

// kReject when options contradict each other or cannot be understood.
Result<ForwarderOptions> options_of(const config::Config& config,
                                    const app::Directories& directories);

}  // namespace lb::interlogd
