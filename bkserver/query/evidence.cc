#include "bkserver/query/evidence.h"

#include <algorithm>

#include "bkserver/state/engine.h"
#include "common/event/time_text.h"

namespace lb::query {

namespace {

constexpr std::int64_t kSecondUs = 1'000'000;

// The reporter is "VMSystem/node1", or "VMSystem" where the event named no host.
Row heartbeat_row(const store::Heartbeat& heartbeat) {
    const std::size_t slash = heartbeat.reporter.find('/');
    Row row = {{"source", heartbeat.reporter.substr(0, slash)}};
    if (slash != std::string::npos) row["host"] = heartbeat.reporter.substr(slash + 1);
    row["event"] = "VMHeartbeat";
    row["time"] = event::time_to_text(heartbeat.time_us);
    return row;
}

}  // namespace

Row evidence_rows(const state::Registers& registers, std::span<const store::Heartbeat> heartbeats,
                  std::int64_t now_us) {
    Row rows = state::evidence_of(registers);
    for (const store::Heartbeat& heartbeat : heartbeats) rows.push_back(heartbeat_row(heartbeat));
    for (Row& row : rows) {
        const auto said_us = event::time_from_text(row["time"].get_ref<const std::string&>());
        if (said_us.ok()) row["age_s"] = std::max<std::int64_t>(now_us - *said_us, 0) / kSecondUs;
    }
    return rows;
}

}  // namespace lb::query
