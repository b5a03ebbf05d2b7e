// The metrics of lb-logd, by name, in one place.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "common/metrics/hour_count.h"
#include "common/metrics/metrics.h"
#include "logd/daemon/program_ledger.h"

namespace lb::logd {

struct LogdMetrics {
    explicit LogdMetrics(metrics::Registry& registry);

    // An object of all of them, for people and tools.
    [[nodiscard]] nlohmann::json to_json() const;

    metrics::Gauge& connections;
    metrics::Counter& connections_refused;
    metrics::Counter& connections_broken;
    metrics::Counter& events_accepted;
    metrics::Counter& events_durable;
    metrics::Counter& events_failed;
    metrics::Counter& events_refused;
    metrics::Counter& events_denied;
    metrics::Counter& commits;
    metrics::Histogram& commit_seconds;
    metrics::Gauge& queue_bytes;
    metrics::Counter& queue_full_pauses;
    metrics::Counter& sync_settled;
    metrics::Counter& sync_timeouts;
    metrics::Counter& drop_events;
    metrics::Counter& drop_files_quarantined;
    metrics::Counter& drop_leftovers;
    metrics::HourCount durable_last_hour;
    ProgramLedger programs;
};

}  // namespace lb::logd
