// Jobs of a CREAM computing element: the tables. An ended job does not come back to life, a cleared
// one does not end again: that is what the ranks say.
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

constexpr Sources kExecutor = from(Source::kCreamExecutor);
constexpr When kStarted = {is("command", "CMDSTART"), is("result", "OK")};
constexpr When kHandedOver = {is("callee", "LRMS"), is("command", "CMDSTART"), is("result", "OK")};
constexpr When kCancels = {is("command", "CMDCANCEL"), is("result", "OK")};
constexpr When kPurges = {is("command", "CMDPURGE"), is("result", "OK")};
constexpr When kArrived = {is("result", "DONE")};

constexpr When became(std::string_view state) {
    return {is("result", "DONE"), is("new_state", state)};
}

// clang-format off
constexpr DataRow kData[] = {
    // event             source     when                                               register                  merge            value
    {E::kRegJob,         kAny,      kAlways,                                           {"jdl"},                  Merge::kNewest,  field("jdl")},
    {E::kRegJob,         kAny,      kAlways,                                           {"cream_jdl"},            Merge::kNewest,  field("jdl")},
    {E::kRegJob,         kAny,      kAlways,                                           {"cream_owner"},          Merge::kNewest,  computed(Value::Kind::kOwner)},
    {E::kRegJob,         kAny,      kAlways,                                           {"cream_endpoint"},       Merge::kNewest,  field("ns")},
    {E::kRegJob,         kAny,      kAlways,                                           {"destination"},          Merge::kNewest,  field("ns")},
    {E::kRegJob,         kAny,      kAlways,                                           {"network_server"},       Merge::kNewest,  field("ns")},
    {E::kCREAMAccepted,  kAny,      kAlways,                                           {"cream_id"},             Merge::kNewest,  field("local_jobid")},
    {E::kCREAMAccepted,  kAny,      kAlways,                                           {"globusId"},             Merge::kNewest,  field("local_jobid")},
    {E::kCREAMStore,     kAny,      kAlways,                                           {"reason"},               Merge::kNewest,  field("reason")},
    {E::kCREAMStore,     kAny,      kAlways,                                           {"cream_reason"},         Merge::kNewest,  field("reason")},
    {E::kCREAMStore,     kAny,      {is("command", "CMDSUSPEND"), is("result", "OK")}, {"suspended"},            Merge::kNewest,  fixed("true")},
    {E::kCREAMStore,     kAny,      {is("command", "CMDRESUME"), is("result", "OK")},  {"suspended"},            Merge::kNewest,  fixed("false")},
    {E::kCREAMCall,      kExecutor, kHandedOver,                                       {"reason"},               Merge::kNewest,  field("reason")},
    {E::kCREAMCall,      kExecutor, kHandedOver,                                       {"cream_reason"},         Merge::kNewest,  field("reason")},
    {E::kCREAMCall,      kAny,      kCancels,                                          {"cancelling"},           Merge::kNewest,  fixed("true")},
    {E::kCREAMCall,      kAny,      kCancels,                                          {"cream_cancelling"},     Merge::kNewest,  fixed("true")},
    {E::kCREAMCall,      kAny,      kCancels,                                          {"reason"},               Merge::kNewest,  field("reason")},
    {E::kCREAMCall,      kAny,      kCancels,                                          {"cream_reason"},         Merge::kNewest,  field("reason")},
    {E::kCREAMCall,      kAny,      kPurges,                                           {"reason"},               Merge::kNewest,  field("reason")},
    {E::kCREAMCall,      kAny,      kPurges,                                           {"cream_reason"},         Merge::kNewest,  field("reason")},
    {E::kCREAMCancel,    kAny,      kAlways,                                           {"reason"},               Merge::kNewest,  field("reason")},
    {E::kCREAMCancel,    kAny,      kAlways,                                           {"cream_reason"},         Merge::kNewest,  field("reason")},
    {E::kCREAMAbort,     kAny,      kAlways,                                           {"reason"},               Merge::kNewest,  field("reason")},
    {E::kCREAMAbort,     kAny,      kAlways,                                           {"cream_reason"},         Merge::kNewest,  field("reason")},
    {E::kCREAMStatus,    kAny,      {is("result", "DONE"), is_not("exit_code", "N/A")}, {"exit_code"},           Merge::kNewest,  field("exit_code")},
    {E::kCREAMStatus,    kAny,      {is("result", "DONE"), is_not("exit_code", "N/A")}, {"cream_exit_code"},     Merge::kNewest,  field("exit_code")},
    {E::kCREAMStatus,    kAny,      kArrived,                                          {"ce_node"},              Merge::kNewest,  field("worker_node")},
    {E::kCREAMStatus,    kAny,      kArrived,                                          {"cream_node"},           Merge::kNewest,  field("worker_node")},
    {E::kCREAMStatus,    kAny,      kArrived,                                          {"localId"},              Merge::kNewest,  field("LRMS_jobid")},
    {E::kCREAMStatus,    kAny,      kArrived,                                          {"cream_lrms_id"},        Merge::kNewest,  field("LRMS_jobid")},
    {E::kCREAMStatus,    kAny,      kArrived,                                          {"failure_reasons"},      Merge::kNewest,  field("failure_reason")},
    {E::kCREAMStatus,    kAny,      kArrived,                                          {"cream_failure_reason"}, Merge::kNewest,  field("failure_reason")},
    {E::kCREAMStatus,    kAny,      became("DONE-OK"),                                 {"done_code"},            Merge::kNewest,  fixed("OK")},
    {E::kCREAMStatus,    kAny,      became("DONE-OK"),                                 {"cream_done_code"},      Merge::kNewest,  fixed("OK")},
    {E::kCREAMStatus,    kAny,      became("DONE-FAILED"),                             {"done_code"},            Merge::kNewest,  fixed("FAILED")},
    {E::kCREAMStatus,    kAny,      became("DONE-FAILED"),                             {"cream_done_code"},      Merge::kNewest,  fixed("FAILED")},
    {E::kCREAMStatus,    kAny,      became("RUNNING"),                                 {"jw_status"},            Merge::kNewest,  fixed("WRAPPER_RUNNING")},
    {E::kCREAMStatus,    kAny,      became("REALLY-RUNNING"),                          {"jw_status"},            Merge::kNewest,  fixed("PAYLOAD_RUNNING")},
};

constexpr TrackRow kTrack[] = {
    // id event           source     when                            moves to        cream_state       role
    {10, E::kRegJob,      kAny,      kAlways,                        M::kSubmitted,  "registered",     rank(0)},
    {11, E::kCREAMStore,  kAny,      kStarted,                       M::kWaiting,    "pending",        rank(0)},
    {12, E::kCREAMCall,   kExecutor, kHandedOver,                    M::kScheduled,  "idle",           rank(0)},
    {13, E::kCREAMCall,   kAny,      kPurges,                        M::kCleared,    "purged",         rank(2)},
    {14, E::kCREAMCancel, kAny,      {is("status_code", "DONE")},    M::kCancelled,  "cancelled",      rank(1)},
    {15, E::kCREAMAbort,  kAny,      kAlways,                        M::kAborted,    "aborted",        rank(1)},
    {16, E::kCREAMStatus, kAny,      became("PENDING"),              M::kWaiting,    "pending",        rank(0)},
    {17, E::kCREAMStatus, kAny,      became("IDLE"),                 M::kScheduled,  "idle",           rank(0)},
    {18, E::kCREAMStatus, kAny,      became("RUNNING"),              M::kRunning,    "running",        rank(0)},
    {19, E::kCREAMStatus, kAny,      became("REALLY-RUNNING"),       M::kRunning,    "really-running", rank(0)},
    {20, E::kCREAMStatus, kAny,      became("HELD"),                 M::kUndefined,  "held",           rank(0)},
    {21, E::kCREAMStatus, kAny,      became("DONE-OK"),              M::kDone,       "done-ok",        rank(1)},
    {22, E::kCREAMStatus, kAny,      became("DONE-FAILED"),          M::kDone,       "done-failed",    rank(1) | kBad},
    {23, E::kCREAMStatus, kAny,      became("ABORTED"),              M::kAborted,    "aborted",        rank(1)},
    {24, E::kCREAMStatus, kAny,      became("CANCELLED"),            M::kCancelled,  "cancelled",      rank(1)},
    {25, E::kCREAMStatus, kAny,      became("PURGED"),               M::kCleared,    "purged",         rank(2)},
};

constexpr std::string_view kIgnored[] = {
    "compute", "pbs", "condor", "transfer", "vm",
    // their data rows say all that they say, or they say nothing
    "CREAMStart", "CREAMPurge", "CREAMAccepted", "CREAMRunning", "CREAMReallyRunning", "CREAMDone",
    "CREAMSuspend", "CREAMResume",
};
// clang-format on
static_assert(rows_are_sound(kData));
static_assert(rows_are_sound(kTrack));

void derive(const Machine& machine, const Registers& registers, Draft& draft) {
    plain::derive(machine, registers, draft);
    draft.set("cream_state", plain::fold(machine, registers, nullptr).phase);
    if (draft.has("done_code") && !draft.has("exit_code")) draft.set("exit_code", std::int64_t{0});
    draft.set("location", "this is CREAM");
    if (!draft.has("jw_status")) draft.set("jw_status", "UNKNOWN");
    if (draft.get("suspended") == false) draft.set("suspended", "");
}

}  // namespace

extern const Machine kCream = {
    .type = 8,
    .word = "cream",
    .data = kData,
    .track = kTrack,
    .ignored = kIgnored,
    .phase_attribute = "cream_state",
    .groups = Groups::kNone,
    .derive = derive,
    .decide = plain::decide,
};

}  // namespace lb::state
