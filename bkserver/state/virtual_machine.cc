// Virtual machines and physical machines: the tables. Three parties speak of a machine: its manager
// (the cloud's front end), its host (the hypervisor) and its guest (the system inside). What their
// claims mean together is said in vm_facts.h (which host carries it) and vm_state.h (the state).
#include "bkserver/state/machine.h"
#include "bkserver/state/vm_roles.h"
#include "bkserver/state/vm_state.h"

namespace lb::state {
namespace {

using E = event::EventType;
using M = MainState;
using event::Source;
using vm::Role;
using vm::role;

constexpr Sources kManager = from(Source::kCloudManager);
constexpr Sources kHost = from(Source::kVmManager);
constexpr Sources kGuest = from(Source::kVmSystem);
// The manager, and whoever acts for it by hand: all but hosts and guests.
constexpr Sources kOperator = kAny & ~kHost & ~kGuest;

// Who speaks of another host than its own, as the manager does: from where (vm::manager_host).
constexpr Keep kSpeaker = host_of("");

constexpr Kept kAtHost = {host_of("hostname")};
constexpr Kept kAtNamedHost = {host_in("hostname"), Keep{}, kSpeaker};
constexpr Kept kHere = {host_of("")};
constexpr Kept kAtHostWhy = {host_of("hostname"), keep("reason")};
constexpr Kept kAtNamedHostWhy = {host_in("hostname"), keep("reason"), kSpeaker};
constexpr Kept kHereWhy = {host_of(""), keep("reason")};
constexpr Kept kToHost = {host_of("to_host")};
constexpr Kept kToNamedHost = {host_in("to_host"), Keep{}, kSpeaker};
constexpr Kept kSpoken = {Keep{}, Keep{}, kSpeaker};
constexpr Kept kWhy = {Keep{}, keep("reason"), kSpeaker};

// clang-format off
constexpr DataRow kData[] = {
    // event          source          when     register                       merge            value
    {E::kVMCreate,    kAny,           kAlways, {"vm_require"},                Merge::kNewest,  field("require")},
    {E::kVMCreate,    kAny,           kAlways, {"vm_image"},                  Merge::kNewest,  field("image")},
    {E::kVMCreate,    kAny,           kAlways, {"vm_id"},                     Merge::kNewest,  field("id")},
    {E::kVMCreate,    kAny,           kAlways, {"vm_name"},                   Merge::kNewest,  field("name")},
    {E::kVMCreate,    kAny,           kAlways, {"vm_owner"},                  Merge::kNewest,  field("owner")},
    {E::kVMCreate,    kAny,           kAlways, {"vm_hostname"},               Merge::kNewest,  field("hostname")},
    {E::kVMCreate,    kAny,           kAlways, {"destination"},               Merge::kNewest,  field("hostname")},
    {E::kVMCreate,    kAny,           kAlways, {"vm_manager"},                Merge::kNewest,  field("manager")},
    {E::kVMImage,     kAny,           kAlways, {"vm_image"},                  Merge::kNewest,  field("image")},
    {E::kVMShutdown,  kAny,           kAlways, {"vm_usage"},                  Merge::kNewest,  field("usage")},
    {E::kVMShutdown,  kHost | kGuest, kAlways, {"vm_system_halting"},         Merge::kNewest,  fixed("true")},
    {E::kVMResume,    kAny,           kAlways, {"vm_system_halting"},         Merge::kNewest,  fixed("false")},
    {E::kVMBoot,      kAny,           kAlways, {"vm_system_halting"},         Merge::kNewest,  fixed("false")},
    {E::kVMReboot,    kAny,           kAlways, {"vm_system_halting"},         Merge::kNewest,  fixed("false")},
    {E::kVMDone,      kAny,           kAlways, {"vm_usage"},                  Merge::kNewest,  field("usage")},
    {E::kVMNetwork,   kAny,           {is("operation", "ADD")},    {"addresses", "ip", "mac"},         Merge::kPerName, computed(Value::Kind::kAddress)},
    {E::kVMNetwork,   kAny,           {is("operation", "REMOVE")}, {"addresses_removed", "ip", "mac"}, Merge::kPerName, fixed("-")},
};

constexpr TrackRow kTrack[] = {
    // id event            source     when                              moves to       vm_state          role                       kept
    { 10, E::kRegJob,      kAny,      kAlways,                          M::kSubmitted, "pending",        role(Role::kRegistered)},
    { 11, E::kVMRunning,   kManager,  {kResync},                        M::kRunning,   "running",        role(Role::kRunLook),      kAtNamedHost},
    { 12, E::kVMRunning,   kManager,  kAlways,                          M::kRunning,   "running",        role(Role::kRun),          kAtNamedHost},
    { 13, E::kVMRunning,   kHost,     {kResync},                        M::kRunning,   "running",        role(Role::kRunLook),      kAtHost},
    { 14, E::kVMRunning,   kHost,     kAlways,                          M::kRunning,   "running",        role(Role::kRun),          kAtHost},
    { 15, E::kVMRunning,   kGuest,    kAlways,                          M::kRunning,   "really-running", role(Role::kRun)},
    { 16, E::kVMRunning,   kAny,      kAlways,                          M::kUndefined, "",               kNothing},
    { 17, E::kVMHost,      kHost,     kAlways,                          M::kRunning,   "running",        role(Role::kHas),          kAtHost},
    { 18, E::kVMHost,      kAny,      kAlways,                          M::kUndefined, "",               role(Role::kPlacement),    kAtNamedHost},
    { 19, E::kVMShutdown,  kManager,  kAlways,                          M::kWaiting,   "shutdown",       role(Role::kShutdown),     kAtNamedHost},
    { 20, E::kVMShutdown,  kGuest,    kAlways,                          M::kUndefined, "",               role(Role::kGuestDown)},
    { 21, E::kVMShutdown,  kAny,      kAlways,                          M::kUndefined, "",               role(Role::kEvidence),     kAtHost},
    { 22, E::kVMStop,      kHost,     {kResync},                        M::kWaiting,   "stopped",        role(Role::kStopLook),     kAtHostWhy},
    { 23, E::kVMStop,      kHost,     {is_not("reason", "")},           M::kWaiting,   "stopped",        role(Role::kStop),         kAtHostWhy},
    { 24, E::kVMStop,      kHost,     kAlways,                          M::kWaiting,   "stopped",        role(Role::kStop),         kAtHostWhy},
    { 25, E::kVMStop,      kAny,      kAlways,                          M::kWaiting,   "stopped",        role(Role::kStop),         kAtNamedHostWhy},
    { 26, E::kVMResume,    kHost,     kAlways,                          M::kWaiting,   "pending",        role(Role::kResume),       kHere},
    { 27, E::kVMResume,    kAny,      kAlways,                          M::kWaiting,   "pending",        role(Role::kResume),       kSpoken},
    { 28, E::kVMBoot,      kHost,     kAlways,                          M::kWaiting,   "boot",           role(Role::kBoot),         kAtHostWhy},
    { 29, E::kVMBoot,      kAny,      kAlways,                          M::kWaiting,   "boot",           role(Role::kBoot),         kAtNamedHostWhy},
    { 30, E::kVMSuspend,   kHost,     {kResync},                        M::kWaiting,   "stopped",        role(Role::kSuspendLook),  kHereWhy},
    { 31, E::kVMSuspend,   kHost,     kAlways,                          M::kWaiting,   "stopped",        role(Role::kSuspend),      kHereWhy},
    { 32, E::kVMSuspend,   kOperator, kAlways,                          M::kWaiting,   "stopped",        role(Role::kSuspend),      kWhy},
    { 33, E::kVMReboot,    kHost,     kAlways,                          M::kUndefined, "",               role(Role::kReboot),       kHereWhy},
    { 34, E::kVMReboot,    kAny,      kAlways,                          M::kUndefined, "",               role(Role::kReboot),       kWhy},
    { 35, E::kVMFail,      kHost,     kAlways,                          M::kDone,      "failure",        role(Role::kFail),         kHereWhy},
    { 36, E::kVMFail,      kOperator, kAlways,                          M::kDone,      "failure",        role(Role::kFail),         kWhy},
    { 37, E::kVMDone,      kHost,     {is("status_code", "OK")},        M::kDone,      "done",           role(Role::kEnd),          kAtHost},
    { 38, E::kVMDone,      kHost,     {is("status_code", "DELETE")},    M::kDone,      "done",           role(Role::kDelete),       kAtHost},
    { 39, E::kVMDone,      kHost,     {is("status_code", "FAILURE")},   M::kDone,      "failure",        role(Role::kFailedDone),   kAtHost},
    { 40, E::kVMDone,      kOperator, {is("status_code", "OK")},        M::kDone,      "done",           role(Role::kEnd),          kAtNamedHost},
    { 41, E::kVMDone,      kOperator, {is("status_code", "DELETE")},    M::kDone,      "done",           role(Role::kDelete),       kAtNamedHost},
    { 42, E::kVMDone,      kOperator, {is("status_code", "FAILURE")},   M::kDone,      "failure",        role(Role::kFailedDone),   kAtNamedHost},
    { 43, E::kVMMigrate,   kHost,     {is("phase", "START")},           M::kUndefined, "",               role(Role::kMigrateStart), kToHost},
    { 44, E::kVMMigrate,   kHost,     {is("phase", "OK")},              M::kRunning,   "running",        role(Role::kMigrateOk),    kToHost},
    { 45, E::kVMMigrate,   kOperator, {is("phase", "START")},           M::kUndefined, "",               role(Role::kMigrateStart), kToNamedHost},
    { 46, E::kVMMigrate,   kOperator, {is("phase", "OK")},              M::kUndefined, "",               role(Role::kPlacement),    kToNamedHost},
    { 47, E::kVMUndefine,  kHost,     kAlways,                          M::kUndefined, "",               role(Role::kUndefine),     kAtHost},
    { 48, E::kVMUnknown,   kHost,     kAlways,                          M::kUndefined, "",               role(Role::kEvidence),     kHereWhy},
    { 49, E::kVMUnknown,   kAny,      kAlways,                          M::kUndefined, "",               role(Role::kEvidence),     kWhy},
    { 51, E::kVMDone,      kGuest,    {is("status_code", "OK")},        M::kDone,      "done",           role(Role::kEnd)},
    { 52, E::kVMDone,      kGuest,    {is("status_code", "DELETE")},    M::kDone,      "done",           role(Role::kDelete)},
    { 53, E::kVMDone,      kGuest,    {is("status_code", "FAILURE")},   M::kDone,      "failure",        role(Role::kFailedDone)},
    { 50, E::kVMHeartbeat, kAny,      kAlways,                          M::kUndefined, "",               kNothing},
};

constexpr std::string_view kIgnored[] = {
    "compute", "pbs", "condor", "cream", "transfer",
    // their data rows say all that they say
    "VMCreate", "VMImage", "VMNetwork", "Bind", "ClusterJoin", "ClusterLeave",
    // says something of a cluster only
    "ClusterGoal",
};
// clang-format on
static_assert(rows_are_sound(kData));
static_assert(rows_are_sound(kTrack));

}  // namespace

extern const Machine kVirtualMachine = {
    .type = 11,
    .word = "virtual_machine",
    .data = kData,
    .track = kTrack,
    .ignored = kIgnored,
    .phase_attribute = "vm_state",
    .groups = Groups::kByFirstText,
    .derive = vm::derive_virtual_machine,
    .decide = vm::decide_virtual_machine,
};

// The same tables; no host carries it (state-model 11.6).
extern const Machine kPhysicalMachine = {
    .type = 20,
    .word = "physical_machine",
    .data = kData,
    .track = kTrack,
    .ignored = kIgnored,
    .phase_attribute = "vm_state",
    .groups = Groups::kByFirstText,
    .derive = vm::derive_physical_machine,
    .decide = vm::decide_physical_machine,
};

}  // namespace lb::state
