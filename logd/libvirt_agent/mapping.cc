#include "logd/libvirt_agent/mapping.h"

#include <libvirt/libvirt.h>

#include <array>

namespace lb::libvirt_agent {

namespace {

using event::EventType;
using event::Source;

constexpr int kAny = -1;
constexpr auto kNothing = EventType{};

struct EventRow {
    Channel channel;
    int number;
    int detail;
    EventType type;
    std::string_view reason;  // VMMigrate: the phase
};

constexpr Channel kLife = Channel::kLifecycle;
constexpr Channel kGuest = Channel::kGuestAgent;

// clang-format off
constexpr std::array kEvents = {
    EventRow{kLife, VIR_DOMAIN_EVENT_DEFINED,     kAny,                                        kNothing,               ""},
    EventRow{kLife, VIR_DOMAIN_EVENT_UNDEFINED,   VIR_DOMAIN_EVENT_UNDEFINED_REMOVED,          EventType::kVMUndefine, ""},
    EventRow{kLife, VIR_DOMAIN_EVENT_UNDEFINED,   VIR_DOMAIN_EVENT_UNDEFINED_RENAMED,          kNothing,               ""},

    EventRow{kLife, VIR_DOMAIN_EVENT_STARTED,     VIR_DOMAIN_EVENT_STARTED_BOOTED,             EventType::kVMRunning,  ""},
    EventRow{kLife, VIR_DOMAIN_EVENT_STARTED,     VIR_DOMAIN_EVENT_STARTED_MIGRATED,           kNothing,               ""},
    EventRow{kLife, VIR_DOMAIN_EVENT_STARTED,     VIR_DOMAIN_EVENT_STARTED_RESTORED,           EventType::kVMRunning,  ""},
    EventRow{kLife, VIR_DOMAIN_EVENT_STARTED,     VIR_DOMAIN_EVENT_STARTED_FROM_SNAPSHOT,      EventType::kVMRunning,  ""},
    EventRow{kLife, VIR_DOMAIN_EVENT_STARTED,     VIR_DOMAIN_EVENT_STARTED_WAKEUP,             EventType::kVMRunning,  ""},

    EventRow{kLife, VIR_DOMAIN_EVENT_SUSPENDED,   VIR_DOMAIN_EVENT_SUSPENDED_PAUSED,           EventType::kVMSuspend,  "paused"},
    EventRow{kLife, VIR_DOMAIN_EVENT_SUSPENDED,   VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED,         kNothing,               ""},
    EventRow{kLife, VIR_DOMAIN_EVENT_SUSPENDED,   VIR_DOMAIN_EVENT_SUSPENDED_IOERROR,          EventType::kVMSuspend,  "I/O error"},
    EventRow{kLife, VIR_DOMAIN_EVENT_SUSPENDED,   VIR_DOMAIN_EVENT_SUSPENDED_WATCHDOG,         EventType::kVMSuspend,  "watchdog"},
    EventRow{kLife, VIR_DOMAIN_EVENT_SUSPENDED,   VIR_DOMAIN_EVENT_SUSPENDED_RESTORED,         EventType::kVMSuspend,  "restored paused"},
    EventRow{kLife, VIR_DOMAIN_EVENT_SUSPENDED,   VIR_DOMAIN_EVENT_SUSPENDED_FROM_SNAPSHOT,    EventType::kVMSuspend,  "from snapshot"},
    EventRow{kLife, VIR_DOMAIN_EVENT_SUSPENDED,   VIR_DOMAIN_EVENT_SUSPENDED_API_ERROR,        EventType::kVMSuspend,  "API error"},
    EventRow{kLife, VIR_DOMAIN_EVENT_SUSPENDED,   VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY,         kNothing,               ""},
    EventRow{kLife, VIR_DOMAIN_EVENT_SUSPENDED,   VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY_FAILED,  EventType::kVMSuspend,  "post-copy failed"},

    EventRow{kLife, VIR_DOMAIN_EVENT_RESUMED,     VIR_DOMAIN_EVENT_RESUMED_UNPAUSED,           EventType::kVMRunning,  ""},
    EventRow{kLife, VIR_DOMAIN_EVENT_RESUMED,     VIR_DOMAIN_EVENT_RESUMED_MIGRATED,           EventType::kVMMigrate,  "OK"},
    EventRow{kLife, VIR_DOMAIN_EVENT_RESUMED,     VIR_DOMAIN_EVENT_RESUMED_FROM_SNAPSHOT,      EventType::kVMRunning,  ""},
    EventRow{kLife, VIR_DOMAIN_EVENT_RESUMED,     VIR_DOMAIN_EVENT_RESUMED_POSTCOPY,           EventType::kVMMigrate,  "OK"},
    EventRow{kLife, VIR_DOMAIN_EVENT_RESUMED,     VIR_DOMAIN_EVENT_RESUMED_POSTCOPY_FAILED,    kNothing,               ""},

    EventRow{kLife, VIR_DOMAIN_EVENT_STOPPED,     VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN,           EventType::kVMStop,     "shutdown"},
    EventRow{kLife, VIR_DOMAIN_EVENT_STOPPED,     VIR_DOMAIN_EVENT_STOPPED_DESTROYED,          EventType::kVMStop,     "destroyed"},
    EventRow{kLife, VIR_DOMAIN_EVENT_STOPPED,     VIR_DOMAIN_EVENT_STOPPED_CRASHED,            EventType::kVMStop,     "crashed"},
    EventRow{kLife, VIR_DOMAIN_EVENT_STOPPED,     VIR_DOMAIN_EVENT_STOPPED_MIGRATED,           EventType::kVMStop,     "migrated"},
    EventRow{kLife, VIR_DOMAIN_EVENT_STOPPED,     VIR_DOMAIN_EVENT_STOPPED_SAVED,              EventType::kVMStop,     "saved"},
    EventRow{kLife, VIR_DOMAIN_EVENT_STOPPED,     VIR_DOMAIN_EVENT_STOPPED_FAILED,             EventType::kVMStop,     "failed"},
    EventRow{kLife, VIR_DOMAIN_EVENT_STOPPED,     VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT,      EventType::kVMStop,     "from snapshot"},

    // Only the guest's own request announces anything: the host's is a destroy, its stop follows.
    EventRow{kLife, VIR_DOMAIN_EVENT_SHUTDOWN,    VIR_DOMAIN_EVENT_SHUTDOWN_FINISHED,          kNothing,               ""},
    EventRow{kLife, VIR_DOMAIN_EVENT_SHUTDOWN,    VIR_DOMAIN_EVENT_SHUTDOWN_GUEST,             EventType::kVMShutdown, "guest"},
    EventRow{kLife, VIR_DOMAIN_EVENT_SHUTDOWN,    VIR_DOMAIN_EVENT_SHUTDOWN_HOST,              kNothing,               ""},

    EventRow{kLife, VIR_DOMAIN_EVENT_PMSUSPENDED, VIR_DOMAIN_EVENT_PMSUSPENDED_MEMORY,         EventType::kVMSuspend,  "suspended to memory"},
    EventRow{kLife, VIR_DOMAIN_EVENT_PMSUSPENDED, VIR_DOMAIN_EVENT_PMSUSPENDED_DISK,           EventType::kVMSuspend,  "suspended to disk"},

    EventRow{kLife, VIR_DOMAIN_EVENT_CRASHED,     VIR_DOMAIN_EVENT_CRASHED_PANICKED,           EventType::kVMFail,     "panicked"},
    EventRow{kLife, VIR_DOMAIN_EVENT_CRASHED,     VIR_DOMAIN_EVENT_CRASHED_CRASHLOADED,        EventType::kVMFail,     "crash-loaded"},

    EventRow{Channel::kReboot, kAny,              kAny,                                        EventType::kVMReboot,   ""},

    // A program of the guest opened its channel: its system is up. Its closing says nothing.
    EventRow{kGuest, VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED,    kAny,        EventType::kVMRunning,  ""},
    EventRow{kGuest, VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_DISCONNECTED, kAny,        kNothing,               ""},

    // A job that ended well is told by the life cycle.
    EventRow{Channel::kJob, VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT, 0,                         EventType::kVMMigrate,  "FAIL"},
    EventRow{Channel::kJob, kAny,                 kAny,                                        kNothing,               ""},
};

struct LookRow {
    int state;
    int reason;
    EventType type;
    std::string_view text;
};

constexpr std::array kLooks = {
    LookRow{VIR_DOMAIN_PAUSED,      VIR_DOMAIN_PAUSED_MIGRATION,   kNothing,              ""},
    LookRow{VIR_DOMAIN_PAUSED,      VIR_DOMAIN_PAUSED_STARTING_UP, kNothing,              ""},
    LookRow{VIR_DOMAIN_PAUSED,      VIR_DOMAIN_PAUSED_POSTCOPY,    kNothing,              ""},
    LookRow{VIR_DOMAIN_PAUSED,      kAny,                          EventType::kVMSuspend, "paused"},
    LookRow{VIR_DOMAIN_PMSUSPENDED, kAny,                          EventType::kVMSuspend, "suspended to memory"},
    LookRow{VIR_DOMAIN_CRASHED,     kAny,                          EventType::kVMSuspend, "crashed"},
    LookRow{VIR_DOMAIN_RUNNING,     kAny,                          EventType::kVMRunning, ""},
    LookRow{VIR_DOMAIN_BLOCKED,     kAny,                          EventType::kVMRunning, ""},
    LookRow{VIR_DOMAIN_SHUTDOWN,    kAny,                          EventType::kVMRunning, ""},
    LookRow{VIR_DOMAIN_SHUTOFF,     VIR_DOMAIN_SHUTOFF_SHUTDOWN,   EventType::kVMStop,    "shutdown"},
    LookRow{VIR_DOMAIN_SHUTOFF,     VIR_DOMAIN_SHUTOFF_DESTROYED,  EventType::kVMStop,    "destroyed"},
    LookRow{VIR_DOMAIN_SHUTOFF,     VIR_DOMAIN_SHUTOFF_CRASHED,    EventType::kVMStop,    "crashed"},
    // Gone to another host long ago, maybe: a look hands nothing over.
    LookRow{VIR_DOMAIN_SHUTOFF,     VIR_DOMAIN_SHUTOFF_MIGRATED,   EventType::kVMStop,    ""},
    LookRow{VIR_DOMAIN_SHUTOFF,     VIR_DOMAIN_SHUTOFF_SAVED,      EventType::kVMStop,    "saved"},
    LookRow{VIR_DOMAIN_SHUTOFF,     VIR_DOMAIN_SHUTOFF_FAILED,     EventType::kVMStop,    "failed"},
    LookRow{VIR_DOMAIN_SHUTOFF,     kAny,                          EventType::kVMStop,    ""},
};
// clang-format on

bool fits(int wanted, int given) {
    return wanted == kAny || wanted == given;
}

const EventRow* find(const DomainEvent& happened) {
    for (const EventRow& row : kEvents)
        if (row.channel == happened.channel && fits(row.number, happened.number) &&
            fits(row.detail, happened.detail))
            return &row;
    return nullptr;
}

std::optional<event::Event> make(EventType type, std::string_view reason, std::string_view host) {
    if (type == kNothing) return std::nullopt;
    event::Event event;
    event.type = static_cast<std::uint16_t>(type);
    event.source = Source::kVmManager;
    event.host = host;
    if (type == EventType::kVMMigrate) {
        event.set_text("phase", std::string(reason));
        event.set_text(reason == "OK" ? "to_host" : "from_host", std::string(host));
        return event;
    }
    event.set_text("hostname", std::string(host));
    if (!reason.empty()) event.set_text("reason", std::string(reason));
    return event;
}

}  // namespace

std::optional<event::Event> event_of(const DomainEvent& happened, std::string_view host) {
    const EventRow* row = find(happened);
    if (row == nullptr) return std::nullopt;
    auto event = make(row->type, row->reason, host);
    if (event && happened.channel == Channel::kGuestAgent) {
        event->source = Source::kVmSystem;
        event->source_instance = "qemu-guest-agent";
    }
    return event;
}

std::optional<event::Event> event_of(const DomainLook& found, std::string_view host) {
    for (const LookRow& row : kLooks) {
        if (row.state != found.state || !fits(row.reason, found.reason)) continue;
        auto event = make(row.type, row.text, host);
        if (event) event->is_resync = true;
        return event;
    }
    return std::nullopt;
}

bool is_known(const DomainEvent& happened) {
    return find(happened) != nullptr;
}

}  // namespace lb::libvirt_agent
