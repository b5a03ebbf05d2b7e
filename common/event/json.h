// Events as JSON objects: what `lbctl replay --json-lines`, histories and HTTP ingest read and
// write.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/event/event.h"

namespace lb::event {

struct JsonEvent {
    std::string subject;   // process id or key
    std::string event_id;  // 16 bytes when the object has one, else empty
    Event event;
};

// {"type": "VMStop", "process": "https://..." or "key": "...", "time": RFC 3339, "source", "host",
//  "sequence_code", "user", "instance", "level", "resync", "since", "attributes": {}, "fields":
//  {}}.
// Accepted as well: jobId/jobid/job_id/subject for process, timestamp for time, seqcode, numbers
// for time (seconds since 1970). kReject names the member.
Result<JsonEvent> event_from_json(const nlohmann::json& object);
nlohmann::json event_to_json(std::string_view subject, const Event& event);

}  // namespace lb::event
