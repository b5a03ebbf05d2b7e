// `lbctl spool replay`: events that lb-interlogd set aside go to their server again.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "bkserver/cli/uploader.h"
#include "common/spool/quarantine.h"

namespace lb::cli {

struct ReplayCounts {
    std::size_t settled = 0;  // and gone from the quarantine
    std::size_t refused = 0;  // of them: dead letters at the server now
    std::size_t others = 0;   // events for other destinations: they stay
};

// Sends the events of `quarantine` that are for `destination` to `peer`; each leaves the quarantine
// with its final verdict. What is no event stays. `complain` is told what the server refused and
// what could not be read or removed.
Result<ReplayCounts> replay_events(spool::Quarantine& quarantine,
                                   const spool::Destination& destination, BatchPeer& peer,
                                   Credit credit,
                                   const std::function<void(const std::string&)>& complain);

}  // namespace lb::cli
