// Sandbox transfers: the tables. A failed transfer may be tried again: the newest claim counts.
#include "bkserver/state/collection.h"
#include "bkserver/state/machine.h"
#include "bkserver/state/plain.h"
#include "bkserver/state/shapes.h"

namespace lb::state {
namespace {

using E = event::EventType;
using M = MainState;
using plain::kBad;
using plain::rank;

// clang-format off
constexpr DataRow kData[] = {
    // event                     source when                          register               merge            value
    {E::kRegJob,                 kAny,  kAlways,                      {"children_num"},      Merge::kNewest,  field("nsubjobs")},
    {E::kFileTransferRegister,   kAny,  kAlways,                      {"ft_src"},            Merge::kNewest,  field("src")},
    {E::kFileTransferRegister,   kAny,  kAlways,                      {"ft_dest"},           Merge::kNewest,  field("dest")},
    {E::kFileTransfer,           kAny,  {is("result", "OK")},         {"done_code"},         Merge::kNewest,  fixed("OK")},
    {E::kFileTransfer,           kAny,  {is("result", "FAIL")},       {"done_code"},         Merge::kNewest,  fixed("FAILED")},
    {E::kFileTransfer,           kAny,  {is("result", "FAIL")},       {"failure_reasons"},   Merge::kNewest,  field("reason")},
    {E::kAbort,                  kAny,  kAlways,                      {"reason"},            Merge::kNewest,  field("reason")},
    {E::kAbort,                  kAny,  kAlways,                      {"remove_from_proxy"}, Merge::kNewest,  fixed("true")},
    {E::kSandbox,                kAny,  kAlways,                      {"ft_sandbox_type"},   Merge::kNewest,  field("sandbox_type")},
    {E::kSandbox,                kAny,  kAlways,                      {"ft_compute_job"},    Merge::kNewest,  field("compute_job")},
    {E::kResubmission,           kAny,  {is("result", "WONTRESUB")},  {"reason"},            Merge::kNewest,  field("reason")},
};

constexpr TrackRow kTrack[] = {
    // id event            source when                     moves to       word  role
    {10, E::kRegJob,        kAny, kAlways,                 M::kSubmitted, "",   rank(0)},
    {11, E::kFileTransfer,  kAny, {is("result", "START")}, M::kRunning,   "",   rank(0)},
    {12, E::kFileTransfer,  kAny, {is("result", "OK")},    M::kDone,      "",   rank(0)},
    {13, E::kFileTransfer,  kAny, {is("result", "FAIL")},  M::kDone,      "",   rank(0) | kBad},
    {14, E::kAbort,         kAny, kAlways,                 M::kAborted,   "",   rank(0)},
};

constexpr std::string_view kIgnored[] = {
    "compute", "pbs", "condor", "cream", "vm",
    // their data rows say all that they say
    "FileTransferRegister", "Sandbox",
};
// clang-format on
static_assert(rows_are_sound(kData));
static_assert(rows_are_sound(kTrack));

void derive(const Machine& machine, const Registers& registers, Draft& draft) {
    plain::derive(machine, registers, draft);
    if (draft.has("done_code") && !draft.has("exit_code")) draft.set("exit_code", std::int64_t{0});
    if (text_of_register(registers, "children_num") == "0") draft.set("children_num", "");
    const bool is_aborted = draft.course().state() == M::kAborted;
    draft.set("location", std::string_view(is_aborted ? "none" : "this is FILE TRANSFER"));
    // A planned transfer looks like the job that the original made of it.
    if (text_of_register(registers, "embryo_type").empty()) return;
    draft.set("jw_status", "UNKNOWN");
    draft.set("payload_running", false);
}

constexpr Machine machine(std::uint32_t type, std::string_view word,
                          decltype(Machine::count) count) {
    return {.type = type,
            .word = word,
            .data = kData,
            .track = kTrack,
            .ignored = kIgnored,
            .phase_attribute = {},
            .groups = Groups::kNone,
            .derive = derive,
            .decide = plain::decide,
            .count = count,
            .is_moved_by_children = count != nullptr};
}

}  // namespace

extern const Machine kTransfer = machine(10, "file_transfer", nullptr);
extern const Machine kTransferCollection =
    machine(9, "file_transfer_collection", collection::count_transfers);

}  // namespace lb::state
