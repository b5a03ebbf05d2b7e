#include "logd/daemon/logd_metrics.h"

#include <nlohmann/json.hpp>

namespace lb::logd {

LogdMetrics::LogdMetrics(metrics::Registry& registry)
    : connections(registry.gauge("lb_logd_connections", "Producers connected now")),
      connections_refused(registry.counter("lb_logd_connections_refused_total",
                                           "Connections over connections_max or its like")),
      connections_broken(registry.counter("lb_logd_connections_broken_total",
                                          "Connections that sent what is no frame of ours")),
      events_accepted(
          registry.counter("lb_logd_events_accepted_total", "Events that passed every check")),
      events_durable(registry.counter("lb_logd_events_durable_total",
                                      "Events written and synced to the spool")),
      events_failed(registry.counter("lb_logd_events_failed_total",
                                     "Accepted events that could not be made durable")),
      events_refused(registry.counter("lb_logd_events_refused_total",
                                      "Events refused: malformed, too large, no destination")),
      events_denied(registry.counter("lb_logd_events_denied_total",
                                     "Events of a source that their producer may not claim")),
      commits(registry.counter("lb_logd_commits_total", "Group commits")),
      commit_seconds(registry.histogram("lb_logd_commit_seconds", "Duration of group commits")),
      queue_bytes(registry.gauge("lb_logd_queue_bytes", "Accepted, not yet durable")),
      queue_full_pauses(registry.counter("lb_logd_queue_full_pauses_total",
                                         "Times that producers had to wait for the disk")),
      sync_settled(registry.counter("lb_logd_sync_settled_total",
                                    "Synchronous events whose verdict came in time")),
      sync_timeouts(registry.counter("lb_logd_sync_timeouts_total",
                                     "Synchronous events answered durable, not yet committed")),
      drop_events(registry.counter("lb_logd_drop_events_total",
                                   "Events taken over from the drop directory")),
      drop_files_quarantined(registry.counter("lb_logd_drop_files_quarantined_total",
                                              "Files of the drop directory set aside")),
      drop_leftovers(registry.counter("lb_logd_drop_leftovers_total",
                                      "Unfinished old files removed from the drop directory")) {}

nlohmann::json LogdMetrics::to_json() const {
    return {{"daemon", "lb-logd"},
            {"version", LB_VERSION},
            {"connections", connections.value()},
            {"connections_refused", connections_refused.value()},
            {"connections_broken", connections_broken.value()},
            {"events_accepted", events_accepted.value()},
            {"events_durable", events_durable.value()},
            {"events_last_hour", durable_last_hour.value()},
            {"programs", programs.to_json()},
            {"events_failed", events_failed.value()},
            {"events_refused", events_refused.value()},
            {"events_denied", events_denied.value()},
            {"commits", commits.value()},
            {"queue_bytes", queue_bytes.value()},
            {"queue_full_pauses", queue_full_pauses.value()},
            {"sync_settled", sync_settled.value()},
            {"sync_timeouts", sync_timeouts.value()},
            {"drop_events", drop_events.value()},
            {"drop_files_quarantined", drop_files_quarantined.value()},
            {"drop_leftovers", drop_leftovers.value()}};
}

}  // namespace lb::logd
