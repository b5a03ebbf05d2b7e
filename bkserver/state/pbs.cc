// PBS (Torque) jobs: the tables. Clients, the server, the scheduler and the machines' daemons each
// log what they do; the newest claim says where the job is.
#include <map>

#include "bkserver/state/machine.h"
#include "bkserver/state/plain.h"
#include "bkserver/state/shapes.h"

namespace lb::state {
namespace {

using E = event::EventType;
using M = MainState;
using event::Source;
using plain::kBad;
using plain::rank;

constexpr Sources kServer = from(Source::kPbsServer);
constexpr Sources kMom = from(Source::kPbsMom, Source::kPbsMomSuperior);

// clang-format off
constexpr DataRow kData[] = {
    // event                      source   when                                             register                    merge            value
    {E::kRegJob,                  kAny,    kAlways,                                         {"network_server"},         Merge::kNewest,  field("ns")},
    {E::kPBSInternalStateChange,  kAny,    kAlways,                                         {"pbs_state"},              Merge::kNewest,  computed(Value::Kind::kPbsLetter)},
    {E::kPBSInternalStateChange,  kAny,    kAlways,                                         {"pbs_substate"},           Merge::kNewest,  field("newsubstate")},
    {E::kPBSTransfer,             kAny,    {is("result", "OK"), is("destination", "PBSMom")},         {"ce_node"},      Merge::kNewest,  field("dest_instance")},
    {E::kPBSTransfer,             kAny,    {is("result", "OK"), is("destination", "PBSMomSuperior")}, {"ce_node"},      Merge::kNewest,  field("dest_instance")},
    {E::kPBSTransfer,             kAny,    {is("result", "OK"), is("destination", "PBSServer")},      {"location"},     Merge::kNewest,  field("dest_instance")},
    {E::kPBSAccepted,             kServer, kAlways,                                         {"location"},               Merge::kNewest,  computed(Value::Kind::kInstance)},
    {E::kPBSAccepted,             kMom,    kAlways,                                         {"ce_node"},                Merge::kNewest,  computed(Value::Kind::kInstance)},
    {E::kPBSQueued,               kServer, kAlways,                                         {"pbs_queue"},              Merge::kNewest,  field("queue")},
    {E::kPBSQueued,               kServer, kAlways,                                         {"pbs_owner"},              Merge::kFirst,   field("owner")},
    {E::kPBSQueued,               kServer, kAlways,                                         {"pbs_name"},               Merge::kFirst,   field("name")},
    {E::kPBSMatch,                kAny,    kAlways,                                         {"pbs_dest_host"},          Merge::kNewest,  field("dest_host")},
    {E::kPBSPending,              kAny,    kAlways,                                         {"pbs_reason"},             Merge::kNewest,  field("reason")},
    {E::kPBSRun,                  kAny,    kAlways,                                         {"pbs_scheduler"},          Merge::kNewest,  field("scheduler")},
    {E::kPBSRun,                  kAny,    kAlways,                                         {"pbs_dest_host"},          Merge::kNewest,  field("dest_host")},
    {E::kPBSRun,                  kAny,    kAlways,                                         {"pbs_pid"},                Merge::kNewest,  field("pid", "0")},
    {E::kPBSDone,                 kAny,    kAlways,                                         {"pbs_exit_status"},        Merge::kNewest,  field("exit_status", "0")},
    {E::kPBSDone,                 kServer, kAlways,                                         {"done_claim"},             Merge::kNewest,  fixed("server")},
    {E::kPBSError,                kAny,    kAlways,                                         {"pbs_state"},              Merge::kNewest,  fixed("C")},
    {E::kPBSError,                kAny,    kAlways,                                         {"done_claim"},             Merge::kNewest,  fixed("error")},
    {E::kPBSError,                kAny,    kAlways,                                         {"pbs_errors", "event_id"}, Merge::kPerId,   field("error_desc")},
    {E::kPBSResourceUsage,        kAny,    {is("usage", "REQUESTED")},                      {"pbs_resource_requested"}, Merge::kNewest,  field("resources")},
    {E::kPBSResourceUsage,        kAny,    {is("usage", "USED")},                           {"pbs_resource_usage"},     Merge::kNewest,  field("resources")},
};

constexpr TrackRow kTrack[] = {
    // id event              source           when     moves to       word  role
    {10, E::kRegJob,         kAny,            kAlways, M::kSubmitted, "",   rank(0)},
    {11, E::kPBSAccepted,    kServer,         kAlways, M::kSubmitted, "",   rank(0)},
    {12, E::kPBSAccepted,    kMom,            kAlways, M::kScheduled, "",   rank(0)},
    {13, E::kPBSQueued,      kAny,            kAlways, M::kWaiting,   "",   rank(0)},
    {14, E::kPBSMatch,       kAny,            kAlways, M::kReady,     "",   rank(0)},
    {15, E::kPBSPending,     kAny,            kAlways, M::kWaiting,   "",   rank(0)},
    {16, E::kPBSRun,         kServer,         kAlways, M::kScheduled, "",   rank(0)},
    {17, E::kPBSRun,         kMom,            kAlways, M::kRunning,   "",   rank(0)},
    {18, E::kPBSRerun,       kServer | kMom,  kAlways, M::kWaiting,   "",   rank(0)},
    {19, E::kPBSDone,        kServer,         kAlways, M::kDone,      "",   rank(0)},
    {20, E::kPBSError,       kAny,            kAlways, M::kDone,      "",   rank(0) | kBad},
};

constexpr std::string_view kIgnored[] = {
    "compute", "condor", "cream", "transfer", "vm",
    // their data rows say all that they say, or they say nothing
    "PBSInternalStateChange", "PBSTransfer", "PBSRefused", "PBSDequeued", "PBSWaiting", "PBSAbort",
    "PBSResourceUsage",
};
// clang-format on
static_assert(rows_are_sound(kData));
static_assert(rows_are_sound(kTrack));

// Lines of errors in the order in which they happened, each behind a tab as the original's.
std::string error_lines(const Registers& registers) {
    std::map<std::string_view, std::string_view> by_key;
    const std::uint16_t number = Attr{"pbs_errors"}.number();
    for (auto at = registers.claims.lower_bound(Slot{number, {}});
         at != registers.claims.end() && at->first.register_number == number; ++at)
        by_key[at->second.key] = at->second.value;
    std::string lines;
    for (const auto& [key, line] : by_key)
        lines += (lines.empty() ? "\t" : "\n\t") + std::string(line);
    return lines;
}

void derive(const Machine& machine, const Registers& registers, Draft& draft) {
    plain::derive(machine, registers, draft);
    plain::show_zeros(draft, {"pbs_substate", "pbs_pid", "pbs_exit_status"});
    draft.set("pbs_error_desc", error_lines(registers));
    if (!draft.has("location")) draft.set("location", "this is PBS");
    const std::string_view claim = text_of_register(registers, "done_claim");
    if (claim.empty()) return;
    const std::string_view status = text_of_register(registers, "pbs_exit_status");
    const bool is_well = claim == "server" && (status.empty() || status == "0");
    draft.set("done_code", std::string_view(is_well ? "OK" : "FAILED"));
    draft.set("exit_code", std::int64_t{0});
}

}  // namespace

extern const Machine kPbs = {
    .type = 6,
    .word = "pbs",
    .data = kData,
    .track = kTrack,
    .ignored = kIgnored,
    .phase_attribute = {},
    .groups = Groups::kNone,
    .derive = derive,
    .decide = plain::decide,
};

}  // namespace lb::state
