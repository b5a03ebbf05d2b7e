// Looking at a spool without changing it, while the daemons run or not: what `lbctl spool` shows.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/env/env.h"
#include "common/spool/quarantine.h"
#include "common/spool/spool_reader.h"

namespace lb::spool {

struct LaneSummary {
    LaneId id;
    Position settled;
    LaneTail tail;
};
// One row a lane, ordered by destination and lane.
Result<std::vector<LaneSummary>> summarize(env::Env& env, const std::string& root);

struct SegmentReport {
    LaneId id;
    SegmentName name;
    std::uint64_t file_bytes = 0;
    std::uint64_t events = 0;
    bool is_sealed = false;
    std::uint64_t tail_bytes = 0;  // torn, after the last record; 0 when sealed or zeros
    std::vector<Damage> damages;   // header included; empty = the segment is sound
};
// Reads every byte of every segment under `root`. While lb-logd is in the middle of a write, the
// newest segment of a lane may show a tail or damage that is gone the next time.
Result<std::vector<SegmentReport>> verify(env::Env& env, const std::string& root);

// Calls `visit` for each unsettled record of the lane, oldest first, until it returns false.
Status visit_records(env::Env& env, const std::string& root, const LaneId& id,
                     const std::function<bool(const Record&)>& visit);

// What is in quarantine, files of the drop box included.
Result<std::vector<QuarantinedSpan>> list_quarantine(env::Env& env, const std::string& root);

}  // namespace lb::spool
