// What the state of a machine or a host, as OpenNebula shows it, means as events of the source
// CloudManager. OpenNebula publishes changes in any order and says no time with them (stream and
// hooks are threaded), so as little as possible rests on arrival:
// - A change whose time its history names (HISTORY, STIME, ETIME) is logged at that time, under an
//   event id derived from it: whoever reports it, and however often, it is one event. Begins lie at
//   the start of their second, ends at its end, in the order of a life: ties mean nothing else.
// - Any other change (a shutdown, a failure, a way back from one) is logged at the time it was
// seen.
// - A resynchronisation says both: the named times again, and a look at what is now.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/event/event.h"
#include "logd/opennebula/document.h"

namespace lb::opennebula {

// Who saw it, and when.
struct Sight {
    std::string scope;  // of the keys one-vmid:scope/N: tells several clouds of one site apart
    std::string host;   // of the front end
    std::int64_t seen_us = 0;
    bool is_resync = false;
};

struct Report {
    std::string subject;
    std::string event_id;  // 16 bytes; empty: a new one
    event::Event event;
};

// The machine is called libvirt-uuid:/UUID once OpenNebula has given one, with the key
// one-vmid:scope/N bound to it; by that key alone before.
std::vector<Report> reports_of(const VmDocument& vm, const Sight& sight);
// The physical machine host:/NAME as the cloud sees it.
std::vector<Report> reports_of(const HostDocument& host, const Sight& sight);

}  // namespace lb::opennebula
