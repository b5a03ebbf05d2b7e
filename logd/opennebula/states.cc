#include "logd/opennebula/states.h"

#include <array>

namespace lb::opennebula {

namespace {

// clang-format off
constexpr std::array kVmStates = {
    StateRow{ 0, "INIT",            Phase::kPending},
    StateRow{ 1, "PENDING",         Phase::kPending},
    StateRow{ 2, "HOLD",            Phase::kPending},
    StateRow{ 3, "ACTIVE",          Phase::kUnknown},
    StateRow{ 4, "STOPPED",         Phase::kStopped},
    StateRow{ 5, "SUSPENDED",       Phase::kStopped},
    StateRow{ 6, "DONE",            Phase::kDone},
    StateRow{ 7, "FAILED",          Phase::kFailure, true},
    StateRow{ 8, "POWEROFF",        Phase::kStopped},
    StateRow{ 9, "UNDEPLOYED",      Phase::kStopped},
    StateRow{10, "CLONING",         Phase::kPending},
    StateRow{11, "CLONING_FAILURE", Phase::kFailure},
};

constexpr std::array kLcmStates = {
    StateRow{ 0, "LCM_INIT",                        Phase::kPending},
    StateRow{ 1, "PROLOG",                          Phase::kBoot},
    StateRow{ 2, "BOOT",                            Phase::kBoot},
    StateRow{ 3, "RUNNING",                         Phase::kRunning},
    StateRow{ 4, "MIGRATE",                         Phase::kRunning},
    StateRow{ 5, "SAVE_STOP",                       Phase::kShutdown},
    StateRow{ 6, "SAVE_SUSPEND",                    Phase::kShutdown},
    StateRow{ 7, "SAVE_MIGRATE",                    Phase::kShutdown},
    StateRow{ 8, "PROLOG_MIGRATE",                  Phase::kBoot},
    StateRow{ 9, "PROLOG_RESUME",                   Phase::kBoot},
    StateRow{10, "EPILOG_STOP",                     Phase::kShutdown},
    StateRow{11, "EPILOG",                          Phase::kShutdown},
    StateRow{12, "SHUTDOWN",                        Phase::kShutdown},
    StateRow{13, "CANCEL",                          Phase::kShutdown, true},
    StateRow{14, "FAILURE",                         Phase::kFailure, true},
    StateRow{15, "CLEANUP_RESUBMIT",                Phase::kPending},
    StateRow{16, "UNKNOWN",                         Phase::kUnknown},
    StateRow{17, "HOTPLUG",                         Phase::kRunning},
    StateRow{18, "SHUTDOWN_POWEROFF",               Phase::kShutdown},
    StateRow{19, "BOOT_UNKNOWN",                    Phase::kBoot},
    StateRow{20, "BOOT_POWEROFF",                   Phase::kBoot},
    StateRow{21, "BOOT_SUSPENDED",                  Phase::kBoot},
    StateRow{22, "BOOT_STOPPED",                    Phase::kBoot},
    StateRow{23, "CLEANUP_DELETE",                  Phase::kShutdown},
    StateRow{24, "HOTPLUG_SNAPSHOT",                Phase::kRunning},
    StateRow{25, "HOTPLUG_NIC",                     Phase::kRunning},
    StateRow{26, "HOTPLUG_SAVEAS",                  Phase::kRunning},
    StateRow{27, "HOTPLUG_SAVEAS_POWEROFF",         Phase::kStopped},
    StateRow{28, "HOTPLUG_SAVEAS_SUSPENDED",        Phase::kStopped},
    StateRow{29, "SHUTDOWN_UNDEPLOY",               Phase::kShutdown},
    StateRow{30, "EPILOG_UNDEPLOY",                 Phase::kShutdown},
    StateRow{31, "PROLOG_UNDEPLOY",                 Phase::kBoot},
    StateRow{32, "BOOT_UNDEPLOY",                   Phase::kBoot},
    StateRow{33, "HOTPLUG_PROLOG_POWEROFF",         Phase::kStopped},
    StateRow{34, "HOTPLUG_EPILOG_POWEROFF",         Phase::kStopped},
    StateRow{35, "BOOT_MIGRATE",                    Phase::kBoot},
    StateRow{36, "BOOT_FAILURE",                    Phase::kFailure},
    StateRow{37, "BOOT_MIGRATE_FAILURE",            Phase::kFailure},
    StateRow{38, "PROLOG_MIGRATE_FAILURE",          Phase::kFailure},
    StateRow{39, "PROLOG_FAILURE",                  Phase::kFailure},
    StateRow{40, "EPILOG_FAILURE",                  Phase::kFailure},
    StateRow{41, "EPILOG_STOP_FAILURE",             Phase::kFailure},
    StateRow{42, "EPILOG_UNDEPLOY_FAILURE",         Phase::kFailure},
    StateRow{43, "PROLOG_MIGRATE_POWEROFF",         Phase::kStopped},
    StateRow{44, "PROLOG_MIGRATE_POWEROFF_FAILURE", Phase::kFailure},
    StateRow{45, "PROLOG_MIGRATE_SUSPEND",          Phase::kStopped},
    StateRow{46, "PROLOG_MIGRATE_SUSPEND_FAILURE",  Phase::kFailure},
    StateRow{47, "BOOT_UNDEPLOY_FAILURE",           Phase::kFailure},
    StateRow{48, "BOOT_STOPPED_FAILURE",            Phase::kFailure},
    StateRow{49, "PROLOG_RESUME_FAILURE",           Phase::kFailure},
    StateRow{50, "PROLOG_UNDEPLOY_FAILURE",         Phase::kFailure},
    StateRow{51, "DISK_SNAPSHOT_POWEROFF",          Phase::kStopped},
    StateRow{52, "DISK_SNAPSHOT_REVERT_POWEROFF",   Phase::kStopped},
    StateRow{53, "DISK_SNAPSHOT_DELETE_POWEROFF",   Phase::kStopped},
    StateRow{54, "DISK_SNAPSHOT_SUSPENDED",         Phase::kStopped},
    StateRow{55, "DISK_SNAPSHOT_REVERT_SUSPENDED",  Phase::kStopped, true},
    StateRow{56, "DISK_SNAPSHOT_DELETE_SUSPENDED",  Phase::kStopped},
    StateRow{57, "DISK_SNAPSHOT",                   Phase::kRunning},
    StateRow{58, "DISK_SNAPSHOT_REVERT",            Phase::kRunning, true},
    StateRow{59, "DISK_SNAPSHOT_DELETE",            Phase::kRunning},
    StateRow{60, "PROLOG_MIGRATE_UNKNOWN",          Phase::kBoot},
    StateRow{61, "PROLOG_MIGRATE_UNKNOWN_FAILURE",  Phase::kFailure},
    StateRow{62, "DISK_RESIZE",                     Phase::kRunning},
    StateRow{63, "DISK_RESIZE_POWEROFF",            Phase::kStopped},
    StateRow{64, "DISK_RESIZE_UNDEPLOYED",          Phase::kStopped},
    StateRow{65, "HOTPLUG_NIC_POWEROFF",            Phase::kStopped},
    StateRow{66, "HOTPLUG_RESIZE",                  Phase::kRunning},
    StateRow{67, "HOTPLUG_SAVEAS_UNDEPLOYED",       Phase::kStopped},
    StateRow{68, "HOTPLUG_SAVEAS_STOPPED",          Phase::kStopped},
    StateRow{69, "BACKUP",                          Phase::kRunning},
    StateRow{70, "BACKUP_POWEROFF",                 Phase::kStopped},
    StateRow{71, "RESTORE",                         Phase::kStopped},
};

// The states that 5.12 gave up (MONITORING_*) say nothing that the ones around them do not.
constexpr std::array kHostStates = {
    StateRow{0, "INIT",                 Phase::kBoot},
    StateRow{1, "MONITORING_MONITORED", Phase::kRunning},
    StateRow{2, "MONITORED",            Phase::kRunning},
    StateRow{3, "ERROR",                Phase::kFailure},
    StateRow{4, "DISABLED",             Phase::kRunning},
    StateRow{5, "MONITORING_ERROR",     Phase::kFailure},
    StateRow{6, "MONITORING_INIT",      Phase::kBoot},
    StateRow{7, "MONITORING_DISABLED",  Phase::kRunning},
    StateRow{8, "OFFLINE",              Phase::kStopped},
};
// clang-format on

}  // namespace

std::span<const StateRow> vm_states() {
    return kVmStates;
}

std::span<const StateRow> lcm_states() {
    return kLcmStates;
}

std::span<const StateRow> host_states() {
    return kHostStates;
}

const StateRow* find_state(std::span<const StateRow> rows, int code) {
    for (const StateRow& row : rows)
        if (row.code == code) return &row;
    return nullptr;
}

const StateRow* find_state(std::span<const StateRow> rows, std::string_view name) {
    for (const StateRow& row : rows)
        if (row.name == name) return &row;
    return nullptr;
}

const StateRow* find_vm_state(int state, int lcm_state) {
    return state == kActive ? find_state(kLcmStates, lcm_state) : find_state(kVmStates, state);
}

}  // namespace lb::opennebula
