// The attributes of a status and the registers behind them: one list. Its order is the order of the
// status. Numbers are stored in the registers: never reuse one, never change one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lb::state {

// Which claim on a register wins.
enum class Merge : std::uint8_t {
    kNewest,   // the greatest key
    kFirst,    // the smallest key
    kPerName,  // for each name the greatest key; bounded by limits::kNamesPerRegisterMax
    kPerId,    // the same; names that differ in case are different
    kDerived,  // no register: computed from other registers or the track
};

// How a register's text appears in the status.
enum class Shape : std::uint8_t {
    kText,
    kBool,     // "true" or "false"
    kInteger,  // decimal
    kTime,     // decimal microseconds since 1970; shown as RFC 3339
    kNamed,    // object: label -> text
    kPeriods,  // object: label -> {from, to, ...}; derived from the register and its twin
    kPairs,    // "a=1,b=2", shown as an object
    kLines,    // one a line, shown as an array
    kList,     // array, derived
    kObject,   // object, derived
    kHidden,   // not in the status
};

struct AttributeInfo {
    std::uint16_t number;
    std::string_view name;
    Merge merge;
    Shape shape;
};

// clang-format off
inline constexpr AttributeInfo kAttributes[] = {
    // those of the original, by its names
    {1, "jobId", Merge::kDerived, Shape::kText},
    {2, "state", Merge::kDerived, Shape::kText},
    {3, "jobtype", Merge::kDerived, Shape::kText},
    {4, "owner", Merge::kFirst, Shape::kText},
    {5, "adopted", Merge::kDerived, Shape::kBool},
    {6, "parent_job", Merge::kFirst, Shape::kText},
    {7, "seed", Merge::kFirst, Shape::kText},
    {8, "children_num", Merge::kNewest, Shape::kInteger},
    {9, "children", Merge::kDerived, Shape::kList},
    {10, "children_hist", Merge::kDerived, Shape::kObject},
    {11, "condorId", Merge::kNewest, Shape::kText},
    {12, "globusId", Merge::kNewest, Shape::kText},
    {13, "localId", Merge::kNewest, Shape::kText},
    {14, "jdl", Merge::kNewest, Shape::kText},
    {15, "matched_jdl", Merge::kNewest, Shape::kText},
    {16, "destination", Merge::kNewest, Shape::kText},
    {17, "condor_jdl", Merge::kNewest, Shape::kText},
    {18, "rsl", Merge::kNewest, Shape::kText},
    {19, "reason", Merge::kNewest, Shape::kText},
    {20, "location", Merge::kNewest, Shape::kText},
    {21, "ce_node", Merge::kNewest, Shape::kText},
    {22, "network_server", Merge::kNewest, Shape::kText},
    {23, "done_code", Merge::kNewest, Shape::kText},
    {24, "exit_code", Merge::kNewest, Shape::kInteger},
    {25, "resubmitted", Merge::kDerived, Shape::kBool},
    {26, "cancelling", Merge::kNewest, Shape::kBool},
    {27, "cancelReason", Merge::kNewest, Shape::kText},
    {28, "user_tags", Merge::kPerName, Shape::kNamed},
    {29, "stateEnterTime", Merge::kDerived, Shape::kTime},
    {30, "lastUpdateTime", Merge::kDerived, Shape::kTime},
    {31, "stateEnterTimes", Merge::kDerived, Shape::kObject},
    {32, "payload_running", Merge::kDerived, Shape::kBool},
    {33, "possible_destinations", Merge::kDerived, Shape::kList},
    {34, "possible_ce_nodes", Merge::kDerived, Shape::kList},
    {35, "suspended", Merge::kNewest, Shape::kBool},
    {36, "suspend_reason", Merge::kDerived, Shape::kText},
    {37, "failure_reasons", Merge::kNewest, Shape::kText},
    {38, "remove_from_proxy", Merge::kNewest, Shape::kBool},
    {39, "ui_host", Merge::kNewest, Shape::kText},
    {40, "user_fqans", Merge::kFirst, Shape::kLines},
    {41, "sandbox_retrieved", Merge::kNewest, Shape::kText},
    {42, "jw_status", Merge::kNewest, Shape::kText},
    {43, "isb_transfer", Merge::kNewest, Shape::kText},
    {44, "osb_transfer", Merge::kNewest, Shape::kText},
    {45, "payload_owner", Merge::kDerived, Shape::kText},
    {46, "pbs_state", Merge::kNewest, Shape::kText},
    {47, "pbs_substate", Merge::kNewest, Shape::kInteger},
    {48, "pbs_queue", Merge::kNewest, Shape::kText},
    {49, "pbs_owner", Merge::kFirst, Shape::kText},
    {50, "pbs_name", Merge::kFirst, Shape::kText},
    {51, "pbs_reason", Merge::kNewest, Shape::kText},
    {52, "pbs_scheduler", Merge::kNewest, Shape::kText},
    {53, "pbs_dest_host", Merge::kNewest, Shape::kText},
    {54, "pbs_pid", Merge::kNewest, Shape::kInteger},
    {55, "pbs_resource_requested", Merge::kNewest, Shape::kPairs},
    {56, "pbs_resource_usage", Merge::kNewest, Shape::kPairs},
    {57, "pbs_exit_status", Merge::kNewest, Shape::kInteger},
    {58, "pbs_error_desc", Merge::kDerived, Shape::kText},
    {59, "condor_status", Merge::kDerived, Shape::kText},
    {60, "condor_universe", Merge::kNewest, Shape::kText},
    {61, "condor_shadow_pid", Merge::kNewest, Shape::kInteger},
    {62, "condor_shadow_exit_status", Merge::kNewest, Shape::kInteger},
    {63, "condor_starter_pid", Merge::kNewest, Shape::kInteger},
    {64, "condor_starter_exit_status", Merge::kNewest, Shape::kInteger},
    {65, "condor_job_pid", Merge::kNewest, Shape::kInteger},
    {66, "condor_job_exit_status", Merge::kNewest, Shape::kInteger},
    {67, "condor_dest_host", Merge::kNewest, Shape::kText},
    {68, "condor_reason", Merge::kNewest, Shape::kText},
    {69, "cream_state", Merge::kDerived, Shape::kText},
    {70, "cream_id", Merge::kNewest, Shape::kText},
    {71, "cream_owner", Merge::kNewest, Shape::kText},
    {72, "cream_endpoint", Merge::kNewest, Shape::kText},
    {73, "cream_jdl", Merge::kNewest, Shape::kText},
    {74, "cream_reason", Merge::kNewest, Shape::kText},
    {75, "cream_failure_reason", Merge::kNewest, Shape::kText},
    {76, "cream_lrms_id", Merge::kNewest, Shape::kText},
    {77, "cream_node", Merge::kNewest, Shape::kText},
    {78, "cream_done_code", Merge::kNewest, Shape::kText},
    {79, "cream_exit_code", Merge::kNewest, Shape::kInteger},
    {80, "cream_cancelling", Merge::kNewest, Shape::kBool},
    {81, "ft_compute_job", Merge::kNewest, Shape::kText},
    {82, "ft_sandbox_type", Merge::kNewest, Shape::kText},
    {83, "ft_src", Merge::kNewest, Shape::kText},
    {84, "ft_dest", Merge::kNewest, Shape::kText},
    {85, "vm_state", Merge::kDerived, Shape::kText},
    {86, "vm_image", Merge::kNewest, Shape::kText},
    {87, "vm_require", Merge::kNewest, Shape::kText},
    {88, "vm_usage", Merge::kNewest, Shape::kText},
    {89, "vm_hostname", Merge::kNewest, Shape::kText},
    {90, "vm_id", Merge::kNewest, Shape::kText},
    {91, "vm_name", Merge::kNewest, Shape::kText},
    {92, "vm_phy_hostname", Merge::kDerived, Shape::kText},
    {93, "vm_system_halting", Merge::kNewest, Shape::kBool},
    {94, "vm_manager", Merge::kNewest, Shape::kText},
    {95, "condor_owner", Merge::kNewest, Shape::kText},
    {96, "condor_preempting", Merge::kNewest, Shape::kText},
    {97, "condor_error_desc", Merge::kNewest, Shape::kText},
    {98, "acl", Merge::kDerived, Shape::kText},
    {99, "access_rights", Merge::kDerived, Shape::kList},
    // ours
    {120, "vm_owner", Merge::kNewest, Shape::kText},
    {121, "vm_paused", Merge::kDerived, Shape::kBool},
    {122, "vm_stop_reason", Merge::kDerived, Shape::kText},
    {123, "addresses", Merge::kPerName, Shape::kPeriods},
    {124, "connections", Merge::kDerived, Shape::kList},
    {125, "memberships", Merge::kPerId, Shape::kNamed},
    {126, "placements", Merge::kDerived, Shape::kList},
    {127, "truncated", Merge::kDerived, Shape::kList},
    {128, "not_understood", Merge::kDerived, Shape::kBool},
    {129, "quorum", Merge::kNewest, Shape::kInteger},
    {130, "goal", Merge::kNewest, Shape::kText},
    {131, "degraded", Merge::kDerived, Shape::kBool},
    {132, "members_num", Merge::kDerived, Shape::kInteger},
    {133, "members_hist", Merge::kDerived, Shape::kObject},
    {134, "failed_members", Merge::kDerived, Shape::kList},
    // registers that only other attributes are derived from
    {200, "reg_type", Merge::kFirst, Shape::kHidden},
    {201, "edges", Merge::kPerId, Shape::kHidden},
    {202, "jdl_weak", Merge::kFirst, Shape::kHidden},
    {203, "ns_first", Merge::kFirst, Shape::kHidden},
    {204, "grants", Merge::kPerId, Shape::kHidden},
    {205, "takes", Merge::kPerId, Shape::kHidden},
    {206, "pbs_errors", Merge::kPerId, Shape::kHidden},
    {207, "done_claim", Merge::kNewest, Shape::kHidden},
    {208, "sched_time", Merge::kNewest, Shape::kHidden},
    {209, "addresses_removed", Merge::kPerName, Shape::kHidden},
    {210, "embryo_type", Merge::kFirst, Shape::kHidden},
    {211, "embryo_of", Merge::kFirst, Shape::kHidden},
    // the access list (access.h): "READ DN /CN=x" -> "ADD" or "REMOVE"
    {220, "acl_allowed", Merge::kPerId, Shape::kHidden},
    {221, "acl_denied", Merge::kPerId, Shape::kHidden},
    {222, "wms_dn", Merge::kFirst, Shape::kHidden},
};
// clang-format on

inline constexpr std::size_t kAttributeCount = sizeof(kAttributes) / sizeof(kAttributes[0]);

// Position in kAttributes; kAttributeCount when there is none of that name.
constexpr std::size_t attribute_index(std::string_view name) {
    for (std::size_t i = 0; i < kAttributeCount; ++i)
        if (kAttributes[i].name == name) return i;
    return kAttributeCount;
}

constexpr bool is_named(Merge merge) {
    return merge == Merge::kPerName || merge == Merge::kPerId;
}

// Registers whose texts are kept whole: half a description is none, and half a list of machines
// would name another one.
constexpr bool is_document(const AttributeInfo& info) {
    for (const std::string_view name :
         {"jdl", "matched_jdl", "condor_jdl", "rsl", "cream_jdl", "jdl_weak", "wms_dn"})
        if (info.name == name) return true;
    return false;
}

constexpr const AttributeInfo* find_attribute(std::uint16_t number) {
    for (const AttributeInfo& info : kAttributes)
        if (info.number == number) return &info;
    return nullptr;
}

consteval bool numbers_ascend() {
    for (std::size_t i = 1; i < kAttributeCount; ++i)
        if (kAttributes[i - 1].number >= kAttributes[i].number) return false;
    return true;
}
static_assert(numbers_ascend(), "an attribute's number stands twice or in disorder");

// An attribute by name, checked when it is compiled.
struct Attr {
    std::size_t index;
    consteval Attr(const char* name) : index(attribute_index(name)) {
        if (index == kAttributeCount) throw "no such attribute";
    }
    [[nodiscard]] constexpr const AttributeInfo& info() const { return kAttributes[index]; }
    [[nodiscard]] constexpr std::uint16_t number() const { return info().number; }
};

}  // namespace lb::state
