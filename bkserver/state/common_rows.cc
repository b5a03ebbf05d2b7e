// Rows that hold for every process type.
#include "bkserver/state/machine.h"

namespace lb::state {
namespace {

using E = event::EventType;

constexpr When kAllow = {is("permission_type", "ALLOW")};
constexpr When kDeny = {is("permission_type", "DENY")};
constexpr When kInput = {is("sandbox_type", "INPUT")};
constexpr When kOutput = {is("sandbox_type", "OUTPUT")};

// clang-format off
constexpr DataRow kCommonRows[] = {
    // event              source  when     register                                merge            value
    {E::kRegJob,          kAny, kAlways, {"reg_type"},                           Merge::kFirst,   field("jobtype")},
    {E::kRegJob,          kAny, kAlways, {"owner"},                              Merge::kFirst,   computed(Value::Kind::kOwner)},
    {E::kRegJob,          kAny, kAlways, {"user_fqans"},                         Merge::kFirst,   computed(Value::Kind::kFqans)},
    {E::kRegJob,          kAny, kAlways, {"parent_job"},                         Merge::kFirst,   field("parent")},
    {E::kRegJob,          kAny, kAlways, {"seed"},                               Merge::kFirst,   field("seed")},
    {E::kRegJob,          kAny, kAlways, {"wms_dn"},                             Merge::kFirst,   field("wms_dn")},
    {E::kUserTag,         kAny, kAlways, {"user_tags", "name"},                  Merge::kPerName, field("value")},
    {E::kConnectJob,      kAny, kAlways, {"edges", "dest_jobid"},                Merge::kPerId,   fixed("connect")},
    {E::kDisconnectJob,   kAny, kAlways, {"edges", "dest_jobid"},                Merge::kPerId,   fixed("disconnect")},
    {E::kSandbox,         kAny, kInput,  {"isb_transfer"},                       Merge::kNewest,  field("transfer_job")},
    {E::kSandbox,         kAny, kOutput, {"osb_transfer"},                       Merge::kNewest,  field("transfer_job")},
    {E::kGrantPayloadOwnership, kAny, kAlways, {"grants", "payload_owner"},      Merge::kPerId,   field("payload_owner")},
    {E::kTakePayloadOwnership,  kAny, kAlways, {"takes", "user"},                Merge::kPerId,   computed(Value::Kind::kUser)},
    {E::kClusterJoin,     kAny, kAlways, {"memberships", "cluster"},             Merge::kPerId,   fixed("member")},
    {E::kClusterLeave,    kAny, kAlways, {"memberships", "cluster"},             Merge::kPerId,   fixed("left")},
    {E::kChangeACL,       kAny, kAllow,  {"acl_allowed", "access_entry"},        Merge::kPerId,   field("operation")},
    {E::kChangeACL,       kAny, kDeny,   {"acl_denied", "access_entry"},         Merge::kPerId,   field("operation")},
};

constexpr DataRow kEmbryoRows[] = {
    // event              source when    register                                merge             value
    {E::kRegJob,          kAny, kAlways, {"embryo_type"},                        Merge::kFirst,   field("jobtype")},
    {E::kRegJob,          kAny, kAlways, {"embryo_of"},                          Merge::kFirst,   field("parent")},
    {E::kRegJob,          kAny, kAlways, {"owner"},                              Merge::kFirst,   computed(Value::Kind::kOwner)},
    {E::kRegJob,          kAny, kAlways, {"user_fqans"},                         Merge::kFirst,   computed(Value::Kind::kFqans)},
    {E::kRegJob,          kAny, kAlways, {"parent_job"},                         Merge::kFirst,   field("parent")},
};
// clang-format on
static_assert(rows_are_sound(kCommonRows));
static_assert(rows_are_sound(kEmbryoRows));

}  // namespace

std::span<const DataRow> common_rows() {
    return kCommonRows;
}

std::span<const DataRow> embryo_rows() {
    return kEmbryoRows;
}

}  // namespace lb::state
