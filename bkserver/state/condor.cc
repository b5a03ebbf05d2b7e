// Condor jobs: the tables. The sequence code of an event names the daemon from whose log it was
// read (SRC): H shadow, S startd, s starter, C schedd.
#include "bkserver/state/machine.h"
#include "bkserver/state/plain.h"
#include "bkserver/state/shapes.h"

namespace lb::state {
namespace {

using E = event::EventType;
using M = MainState;
using plain::rank;

// clang-format off
constexpr DataRow kData[] = {
    // event                    source when                             register                        merge            value
    {E::kRegJob,                kAny,  kAlways,                         {"jdl"},                        Merge::kNewest,  field("jdl")},
    {E::kCondorMatch,           kAny,  kAlways,                         {"condor_dest_host"},           Merge::kNewest,  field("dest_host")},
    {E::kCondorMatch,           kAny,  kAlways,                         {"condor_owner"},               Merge::kNewest,  field("owner")},
    {E::kCondorMatch,           kAny,  kAlways,                         {"condor_preempting"},          Merge::kNewest,  field("preempting")},
    {E::kCondorReject,          kAny,  kAlways,                         {"condor_owner"},               Merge::kNewest,  field("owner")},
    {E::kCondorError,           kAny,  kAlways,                         {"condor_error_desc"},          Merge::kNewest,  field("error_desc")},
    {E::kCondorReject,          kAny,  {is("status_code", "NOMATCH")},  {"condor_reason"},              Merge::kNewest,  fixed("No match found.")},
    {E::kCondorShadowStarted,   kAny,  {is("SRC", "C")},                {"condor_shadow_pid"},          Merge::kNewest,  field("shadow_pid")},
    {E::kCondorShadowExited,    kAny,  {is("SRC", "H")},                {"condor_shadow_exit_status"},  Merge::kNewest,  field("shadow_exit_status")},
    {E::kCondorStarterStarted,  kAny,  {is("SRC", "s")},                {"condor_universe"},            Merge::kNewest,  field("universe")},
    {E::kCondorStarterStarted,  kAny,  {is("SRC", "s")},                {"condor_starter_pid"},         Merge::kNewest,  field("starter_pid")},
    {E::kCondorStarterExited,   kAny,  {is("SRC", "S")},                {"condor_starter_pid"},         Merge::kNewest,  field("starter_pid")},
    {E::kCondorStarterExited,   kAny,  {is("SRC", "S")},                {"condor_starter_exit_status"}, Merge::kNewest,  field("starter_exit_status")},
    {E::kCondorStarterExited,   kAny,  {is("SRC", "s")},                {"condor_starter_pid"},         Merge::kNewest,  field("starter_pid")},
    {E::kCondorStarterExited,   kAny,  {is("SRC", "s")},                {"condor_job_pid"},             Merge::kNewest,  field("job_pid")},
    {E::kCondorStarterExited,   kAny,  {is("SRC", "s")},                {"condor_job_exit_status"},     Merge::kNewest,  field("job_exit_status")},
};

constexpr TrackRow kTrack[] = {
    // id event                   source when              moves to       condor_status  role
    {10, E::kRegJob,               kAny, kAlways,          M::kSubmitted, "Idle",        rank(0)},
    {11, E::kCondorMatch,          kAny, kAlways,          M::kReady,     "Idle",        rank(0)},
    {12, E::kCondorReject,         kAny, kAlways,          M::kAborted,   "Unexpanded",  rank(0)},
    {13, E::kCondorShadowStarted,  kAny, kAlways,          M::kReady,     "Idle",        rank(0)},
    {14, E::kCondorShadowExited,   kAny, kAlways,          M::kDone,      "Completed",   rank(0)},
    {15, E::kCondorStarterStarted, kAny, {is("SRC", "S")}, M::kScheduled, "Idle",        rank(0)},
    {16, E::kCondorStarterStarted, kAny, {is("SRC", "s")}, M::kRunning,   "Running",     rank(0)},
    {17, E::kCondorStarterExited,  kAny, kAlways,          M::kDone,      "Completed",   rank(0)},
};

constexpr std::string_view kIgnored[] = {
    "compute", "pbs", "cream", "transfer", "vm",
    // say nothing of a state
    "CondorResourceUsage", "CondorError",
};
// clang-format on
static_assert(rows_are_sound(kData));
static_assert(rows_are_sound(kTrack));

void derive(const Machine& machine, const Registers& registers, Draft& draft) {
    plain::derive(machine, registers, draft);
    plain::show_zeros(draft,
                      {"condor_shadow_pid", "condor_shadow_exit_status", "condor_starter_pid",
                       "condor_starter_exit_status", "condor_job_pid", "condor_job_exit_status"});
    draft.set("location", "this is CONDOR");
    draft.set("condor_status", plain::fold(machine, registers, nullptr).phase);
    const std::string_view status = text_of_register(registers, "condor_job_exit_status");
    if (draft.course().state() != MainState::kDone || status.empty()) return;
    draft.set("done_code", std::string_view(status == "0" ? "OK" : "FAILED"));
}

}  // namespace

extern const Machine kCondor = {
    .type = 7,
    .word = "condor",
    .data = kData,
    .track = kTrack,
    .ignored = kIgnored,
    .phase_attribute = "condor_status",
    .groups = Groups::kNone,
    .derive = derive,
    .decide = plain::decide,
};

}  // namespace lb::state
