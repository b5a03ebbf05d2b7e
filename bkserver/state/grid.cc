// Grid jobs, DAGs and collections: the tables. What the roles mean stands in grid_state.cc.
#include "bkserver/state/collection.h"
#include "bkserver/state/grid_roles.h"
#include "bkserver/state/grid_state.h"
#include "bkserver/state/machine.h"
#include "bkserver/state/track_limits.h"

namespace lb::state {
namespace {

using E = event::EventType;
using M = MainState;
using event::Source;
using namespace grid;

constexpr Sources kUi = from(Source::kUserInterface);
constexpr Sources kNs = from(Source::kNetworkServer);
constexpr Sources kWm = from(Source::kWorkloadManager);
constexpr Sources kJc = from(Source::kJobController);
constexpr Sources kLm = from(Source::kLogMonitor);
constexpr Sources kLrms = from(Source::kLrms);
constexpr Sources kCream = from(Source::kCreamInterface, Source::kCreamExecutor);
constexpr Sources kExecutor = from(Source::kCreamExecutor);
// Whoever may say how a job ended: all but the batch system, whose Done is the wrapper's.
constexpr Sources kEnders =
    kUi | kNs | kWm | kJc | kLm | from(Source::kBigHelper, Source::kApplication);

constexpr When kOk = {is("result", "OK")};
constexpr When kFail = {is("result", "FAIL")};
constexpr When kArrived = {is("result", "DONE")};
constexpr When kCancels = {is("command", "CMDCANCEL"), is("result", "OK")};

constexpr When status(std::string_view code) {
    return {is("status_code", code)};
}
constexpr When became(std::string_view state) {
    return {is("result", "DONE"), is("new_state", state)};
}
constexpr Value kFirstServer = computed(Value::Kind::kHostInstance);

// clang-format off
constexpr DataRow kData[] = {
    // event             source   when                               register                 merge            value
    {E::kRegJob,         kAny,    kAlways,                           {"jdl"},                 Merge::kNewest,  field("jdl")},
    {E::kRegJob,         kAny,    kAlways,                           {"network_server"},      Merge::kNewest,  field("ns")},
    {E::kRegJob,         kAny,    kAlways,                           {"children_num"},        Merge::kNewest,  field("nsubjobs")},
    {E::kTransfer,       kUi,     kAlways,                           {"jdl_weak"},            Merge::kFirst,   field("job")},
    {E::kTransfer,       kJc,     kAlways,                           {"condor_jdl"},          Merge::kNewest,  field("job")},
    {E::kTransfer,       kLm,     kAlways,                           {"rsl"},                 Merge::kNewest,  field("job")},
    {E::kAccepted,       kNs,     kAlways,                           {"ui_host"},             Merge::kNewest,  field("from_host")},
    {E::kAccepted,       kLm,     kAlways,                           {"condorId"},            Merge::kNewest,  field("local_jobid")},
    {E::kAccepted,       kLrms,   kAlways,                           {"globusId"},            Merge::kNewest,  field("local_jobid")},
    {E::kEnQueued,       kNs,     kOk,                               {"jdl"},                 Merge::kNewest,  field("job")},
    {E::kEnQueued,       kNs,     {is_not("result", "OK")},          {"jdl_weak"},            Merge::kFirst,   field("job")},
    {kEveryEvent,        kNs,     kAlways,                           {"ns_first"},            Merge::kFirst,   kFirstServer},
    {E::kDone,           kEnders, status("OK"),                      {"done_code"},           Merge::kNewest,  fixed("OK")},
    {E::kDone,           kEnders, status("OK"),                      {"exit_code"},           Merge::kNewest,  field("exit_code", "0")},
    {E::kDone,           kEnders, status("FAILED"),                  {"done_code"},           Merge::kNewest,  fixed("FAILED")},
    {E::kDone,           kEnders, status("FAILED"),                  {"exit_code"},           Merge::kNewest,  fixed("0")},
    {E::kDone,           kEnders, status("CANCELLED"),               {"done_code"},           Merge::kNewest,  fixed("CANCELLED")},
    {E::kDone,           kEnders, status("CANCELLED"),               {"exit_code"},           Merge::kNewest,  fixed("0")},
    {E::kCancel,         kAny,    kAlways,                           {"cancelReason"},        Merge::kNewest,  field("reason")},
    {E::kClear,          kAny,    kAlways,                           {"sandbox_retrieved"},   Merge::kNewest,  field("reason")},
    // a CREAM computing element below the workload manager
    {E::kCREAMAccepted,  kCream,  kAlways,                           {"cream_id"},            Merge::kNewest,  field("local_jobid")},
    {E::kCREAMAccepted,  kCream,  kAlways,                           {"globusId"},            Merge::kNewest,  field("local_jobid")},
    {E::kCREAMStatus,    kCream,  {is("result", "DONE"), is_not("exit_code", "N/A")}, {"cream_exit_code"}, Merge::kNewest, field("exit_code")},
    {E::kCREAMStatus,    kCream,  {is("result", "DONE"), is_not("exit_code", "N/A")}, {"exit_code"},       Merge::kNewest, field("exit_code")},
    {E::kCREAMStatus,    kCream,  kArrived,                          {"cream_node"},          Merge::kNewest,  field("worker_node")},
    {E::kCREAMStatus,    kCream,  kArrived,                          {"cream_lrms_id"},       Merge::kNewest,  field("LRMS_jobid")},
    {E::kCREAMStatus,    kCream,  kArrived,                          {"localId"},             Merge::kNewest,  field("LRMS_jobid")},
    {E::kCREAMStatus,    kCream,  kArrived,                          {"cream_failure_reason"}, Merge::kNewest, field("failure_reason")},
    {E::kCREAMStatus,    kCream,  became("DONE-OK"),                 {"done_code"},           Merge::kNewest,  fixed("OK")},
    {E::kCREAMStatus,    kCream,  became("DONE-OK"),                 {"cream_done_code"},     Merge::kNewest,  fixed("OK")},
    {E::kCREAMStatus,    kCream,  became("DONE-FAILED"),             {"done_code"},           Merge::kNewest,  fixed("FAILED")},
    {E::kCREAMStatus,    kCream,  became("DONE-FAILED"),             {"cream_done_code"},     Merge::kNewest,  fixed("FAILED")},
};

constexpr Kept kWhy = {keep("reason")};
constexpr Kept kWhyJob = {keep("reason"), keep_document("job")};
constexpr Kept kJob = {keep_document("job")};
// Where the job is stands third: whom it was given to, or who has it.
constexpr Kept kWhyTo = {keep("reason"), {}, place_in("destination", "dest_host", "dest_instance")};
constexpr Kept kWhyFrom = {keep("reason"), {}, place_in("from", "from_host", "from_instance")};
constexpr Kept kWhyHere = {keep("reason"), {}, place_here()};
constexpr Kept kHere = {Keep{}, {}, place_here()};
constexpr Kept kHelper = {Keep{}, {}, place_here("helper_name")};
constexpr Kept kWhyQueue = {keep("reason"), {}, place_here("queue")};
constexpr Kept kWhyJobQueue = {keep("reason"), keep_document("job"), place_here("queue")};
constexpr Kept kWhyJobHere = {keep("reason"), keep_document("job"), place_here()};
constexpr Kept kMatched = {keep("dest_id"), {}, place_here()};

// Rows 16, 20, 23, 31, 34 and 49 of the model, "(nothing)", are events without a row here.
constexpr TrackRow kTrack[] = {
    // id event            source    when                                  moves to       cream_state  role                          kept
    {10, E::kRegJob,        kAny,     kAlways,                              M::kSubmitted, "",          kRegister},
    {11, E::kTransfer,      kUi,      kOk,                                  M::kWaiting,   "",          kReason,                      kWhyTo},
    {12, E::kTransfer,      kJc,      kOk,                                  M::kReady,     "",          kReason,                      kWhyTo},
    {13, E::kTransfer,      kLm,      kOk,                                  M::kScheduled, "",          kReason | kWeak | kSched,     kWhyTo},
    {14, E::kTransfer,      kUi,      kFail,                                M::kSubmitted, "",          kReason,                      kWhyHere},
    {15, E::kTransfer,      kJc|kLm,  kFail,                                M::kReady,     "",          kReason | kWeak,              kWhyHere},
    {17, E::kAccepted,      kNs,      kAlways,                              M::kWaiting,   "",          kPlain,                       kHere},
    {18, E::kAccepted,      kLm,      kAlways,                              M::kReady,     "",          kWeak,                        kHere},
    {19, E::kAccepted,      kLrms,    kAlways,                              M::kScheduled, "",          kPlain,                       kHere},
    {21, E::kRefused,       kNs,      kAlways,                              M::kSubmitted, "",          kReason,                      kWhyFrom},
    {22, E::kRefused,       kLm|kLrms,kAlways,                              M::kReady,     "",          kReason,                      kWhyFrom},
    {24, E::kEnQueued,      kNs,      kOk,                                  M::kWaiting,   "",          kReason,                      kWhyQueue},
    {25, E::kEnQueued,      kWm,      kOk,                                  M::kReady,     "",          kReason | kWeak | kJdl,       kWhyJobQueue},
    {26, E::kEnQueued,      kLm,      kOk,                                  M::kWaiting,   "",          kReason | kResub,             kWhyQueue},
    {27, E::kEnQueued,      kNs,      kFail,                                M::kWaiting,   "",          kReason,                      kWhyHere},
    {28, E::kEnQueued,      kWm,      kFail,                                M::kWaiting,   "",          kReason | kJdl | kNoBranch,   kWhyJobHere},
    {29, E::kEnQueued,      kLm,      kFail,                                M::kUndefined, "",          kReason,                      kWhy},
    {30, E::kEnQueued,      kWm,      kAlways,                              M::kUndefined, "",          kStill | kJdl | kNoBranch,    kJob},
    {32, E::kDeQueued,      kWm,      kAlways,                              M::kWaiting,   "",          kPlain,                       kHere},
    {33, E::kDeQueued,      kJc,      kAlways,                              M::kReady,     "",          kWeak,                        kHere},
    {35, E::kHelperCall,    kAny,     kAlways,                              M::kWaiting,   "",          kPlain,                       kHelper},
    {36, E::kHelperReturn,  kAny,     kAlways,                              M::kWaiting,   "",          kPlain,                       kHere},
    {37, E::kMatch,         kAny,     kAlways,                              M::kWaiting,   "",          kMatch,                       kMatched},
    {38, E::kPending,       kAny,     kAlways,                              M::kWaiting,   "",          kReason,                      kWhyHere},
    {39, E::kRunning,       kAny,     kAlways,                              M::kRunning,   "",          kRun,                         {keep("node")}},
    {40, E::kReallyRunning, kLrms|kLm,kAlways,                              M::kRunning,   "",          kReally,                      {keep("wn_seq")}},
    {41, E::kSuspend,       kAny,     kAlways,                              M::kUndefined, "",          kSuspend,                     kWhy},
    {42, E::kResume,        kAny,     kAlways,                              M::kUndefined, "",          kResume,                      kWhy},
    {43, E::kResubmission,  kWm,      {is("result", "WILLRESUB")},          M::kUndefined, "",          kDeep},
    {44, E::kResubmission,  kAny,     {is("result", "WONTRESUB")},          M::kUndefined, "",          kReason,                      kWhy},
    {45, E::kDone,          kLrms,    kAlways,                              M::kUndefined, "",          kWrapper},
    {46, E::kDone,          kAny,     status("OK"),                         M::kDone,      "",          kReason | kDone,              kWhy},
    {47, E::kDone,          kAny,     status("FAILED"),                     M::kDone,      "",          kReason | kDone | kFailed,    kWhy, limits::kTrackFailuresPerGroup},
    {48, E::kDone,          kAny,     status("CANCELLED"),                  M::kCancelled, "",          kReason | kDone,              kWhy},
    {50, E::kCancel,        kAny,     status("REQ"),                        M::kUndefined, "",          kCancel | kAsked},
    {51, E::kCancel,        kAny,     status("DONE"),                       M::kCancelled, "",          kReason | kCancel | kProxy | kSettled, kWhy},
    {52, E::kCancel,        kAny,     status("ABORT"),                      M::kUndefined, "",          kCancel | kSettled},
    {53, E::kCancel,        kAny,     kAlways,                              M::kUndefined, "",          kCancel},
    {54, E::kAbort,         kWm,      kAlways,                              M::kAborted,   "",          kReason | kProxy | kForce | kDeep, kWhy},
    {55, E::kAbort,         kAny,     kAlways,                              M::kAborted,   "",          kReason | kProxy | kDeep,     kWhy},
    {56, E::kClear,         kAny,     {is("reason", "USER")},               M::kCleared,   "",          kProxy | kWhyUser},
    {57, E::kClear,         kAny,     {is("reason", "TIMEOUT")},            M::kCleared,   "",          kProxy | kWhyTimeout},
    {58, E::kClear,         kAny,     {is("reason", "NOOUTPUT")},           M::kCleared,   "",          kProxy | kWhyNoOutput},
    {59, E::kCREAMStore,    kAny,     {is("command", "CMDSTART"), is("result", "OK")}, M::kWaiting, "pending", kReason,              kWhy},
    {60, E::kCREAMCall,     kExecutor,{is("callee", "LRMS"), is("command", "CMDSTART"), is("result", "OK")}, M::kScheduled, "idle", kReason, kWhy},
    {61, E::kCREAMCall,     kAny,     kCancels,                             M::kUndefined, "",          kReason | kAsked,             kWhy},
    {62, E::kCREAMCancel,   kAny,     status("DONE"),                       M::kCancelled, "cancelled", kReason,                      kWhy},
    {63, E::kCREAMAbort,    kAny,     kAlways,                              M::kAborted,   "aborted",   kReason,                      kWhy},
    {64, E::kCREAMStatus,   kAny,     became("PENDING"),                    M::kWaiting,   "pending",   kPlain},
    {65, E::kCREAMStatus,   kAny,     became("IDLE"),                       M::kScheduled, "idle",      kPlain},
    {66, E::kCREAMStatus,   kAny,     became("RUNNING"),                    M::kRunning,   "running",   kWrapperRuns},
    {67, E::kCREAMStatus,   kAny,     became("REALLY-RUNNING"),             M::kRunning,   "really-running", kPayloadRuns},
    {68, E::kCREAMStatus,   kAny,     became("HELD"),                       M::kUndefined, "held",      kPlain},
    {69, E::kCREAMStatus,   kAny,     became("DONE-OK"),                    M::kDone,      "done-ok",   kPlain},
    {70, E::kCREAMStatus,   kAny,     became("DONE-FAILED"),                M::kDone,      "done-failed", kPlain},
    {71, E::kCREAMStatus,   kAny,     became("ABORTED"),                    M::kAborted,   "aborted",   kPlain},
    {72, E::kCREAMStatus,   kAny,     became("CANCELLED"),                  M::kCancelled, "cancelled", kPlain},
    {73, E::kCREAMStatus,   kAny,     became("PURGED"),                     M::kCleared,   "purged",    kPlain},
    {90, E::kResubmission,  kAny,     kAlways,                              M::kUndefined, "",          kPlain},
    {91, E::kPurge,         kAny,     kAlways,                              M::kUndefined, "",          kPlain},
    {92, E::kChangeACL,     kAny,     kAlways,                              M::kUndefined, "",          kPlain},
    {93, E::kUserTag,       kAny,     kAlways,                              M::kUndefined, "",          kPlain},
    {94, E::kListener,      kAny,     kAlways,                              M::kUndefined, "",          kPlain},
    {95, E::kCurDescr,      kAny,     kAlways,                              M::kUndefined, "",          kPlain},
    {96, E::kChkpt,         kAny,     kAlways,                              M::kUndefined, "",          kPlain},
    {97, E::kResourceUsage, kAny,     kAlways,                              M::kUndefined, "",          kPlain},
    {98, E::kSandbox,       kAny,     kAlways,                              M::kUndefined, "",          kPlain},
    {99, E::kGrantPayloadOwnership, kAny, kAlways,                          M::kUndefined, "",          kPlain},
    {100, E::kTakePayloadOwnership, kAny, kAlways,                          M::kUndefined, "",          kPlain},
    {101, E::kCREAMStart,   kAny,     kAlways,                              M::kUndefined, "",          kPlain},
    {102, E::kCREAMPurge,   kAny,     kAlways,                              M::kUndefined, "",          kPlain},
    {103, E::kCREAMAccepted, kAny,    kAlways,                              M::kUndefined, "",          kPlain},
    {104, E::kCREAMStore,   kAny,     kAlways,                              M::kUndefined, "",          kPlain},
    {105, E::kCREAMCall,    kAny,     kAlways,                              M::kUndefined, "",          kPlain},
    {106, E::kCREAMRunning, kAny,     kAlways,                              M::kUndefined, "",          kPlain},
    {107, E::kCREAMReallyRunning, kAny, kAlways,                            M::kUndefined, "",          kPlain},
    {108, E::kCREAMDone,    kAny,     kAlways,                              M::kUndefined, "",          kPlain},
    {109, E::kCREAMCancel,  kAny,     kAlways,                              M::kUndefined, "",          kPlain},
    {110, E::kCREAMStatus,  kAny,     kAlways,                              M::kUndefined, "",          kPlain},
    {111, E::kCREAMSuspend, kAny,     kAlways,                              M::kUndefined, "",          kPlain},
    {112, E::kCREAMResume,  kAny,     kAlways,                              M::kUndefined, "",          kPlain},
};

constexpr std::string_view kIgnored[] = {
    "pbs", "condor", "transfer", "vm", "Notification", "CollectionState",
};
// clang-format on
static_assert(rows_are_sound(kData));
static_assert(rows_are_sound(kTrack));

constexpr Machine machine(std::uint32_t type, std::string_view word,
                          decltype(Machine::count) count = nullptr,
                          bool is_moved_by_children = false) {
    return {.type = type,
            .word = word,
            .data = kData,
            .track = kTrack,
            .ignored = kIgnored,
            .phase_attribute = "cream_state",
            .groups = Groups::kByAttempt,
            .derive = grid::derive,
            .decide = grid::decide,
            .count = count,
            .is_moved_by_children = is_moved_by_children};
}

}  // namespace

extern const Machine kSimple = machine(1, "simple");
extern const Machine kDag = machine(2, "dag", collection::show_children);
extern const Machine kCollection = machine(5, "collection", collection::count_jobs, true);

}  // namespace lb::state
