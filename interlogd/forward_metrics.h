// The metrics of lb-interlogd, by name, in one place.
#pragma once

#include "common/metrics/metrics.h"

namespace lb::interlogd {

struct ForwardMetrics {
    explicit ForwardMetrics(metrics::Registry& registry)
        : destinations(registry.gauge("lb_interlogd_destinations", "Destinations with a spool")),
          connected(registry.gauge("lb_interlogd_connected", "Of them connected now")),
          connecting(registry.gauge("lb_interlogd_connecting", "Connections being made now")),
          memory_bytes(registry.gauge("lb_interlogd_memory_bytes", "Events in memory")),
          pending_bytes(registry.gauge("lb_interlogd_spool_pending_bytes",
                                       "About what the spool holds that is not settled")),
          oldest_seconds(registry.gauge("lb_interlogd_spool_oldest_seconds",
                                        "How long the oldest unsettled event has waited")),
          sent(registry.counter("lb_interlogd_events_sent_total", "Events sent, repeats included")),
          settled(registry.counter("lb_interlogd_events_settled_total",
                                   "Events that their server settled")),
          refused(registry.counter("lb_interlogd_events_refused_total",
                                   "Of them those that became dead letters")),
          retried(registry.counter("lb_interlogd_events_retried_total",
                                   "Times that a server asked for an event again")),
          set_aside(registry.counter("lb_interlogd_events_set_aside_total",
                                     "Events put into quarantine after too many retries")),
          damaged(registry.counter("lb_interlogd_spool_damages_total",
                                   "Spans of the spool that were no records")),
          spool_failures(registry.counter("lb_interlogd_spool_failures_total",
                                          "Times that the spool could not be read or written")),
          failures(registry.counter("lb_interlogd_connection_failures_total",
                                    "Connections that failed or could not be made")) {}

    metrics::Gauge& destinations;
    metrics::Gauge& connected;
    metrics::Gauge& connecting;
    metrics::Gauge& memory_bytes;
    metrics::Gauge& pending_bytes;
    metrics::Gauge& oldest_seconds;
    metrics::Counter& sent;
    metrics::Counter& settled;
    metrics::Counter& refused;
    metrics::Counter& retried;
    metrics::Counter& set_aside;
    metrics::Counter& damaged;
    metrics::Counter& spool_failures;
    metrics::Counter& failures;
};

}  // namespace lb::interlogd
