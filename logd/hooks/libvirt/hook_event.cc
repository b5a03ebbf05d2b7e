#include "logd/hooks/libvirt/hook_event.h"

#include <array>

namespace lb::hooks {

namespace {

using event::EventType;

struct CallRow {
    std::string_view operation;
    std::string_view phase;
    EventType type;
    std::string_view host_field;  // the field that carries this host's name
    bool is_resync;
    bool needs_reason;  // only when the extra argument gives one
};

// clang-format off
constexpr std::array kCalls = {
    //      operation    phase    event                  host field  look   needs reason
    CallRow{"prepare",   "begin", EventType::kVMBoot,    "hostname", false, false},
    CallRow{"started",   "begin", EventType::kVMRunning, "hostname", false, false},
    CallRow{"stopped",   "end",   EventType::kVMStop,    "hostname", false, false},
    CallRow{"release",   "end",   EventType::kVMStop,    "hostname", false, true},
    CallRow{"migrate",   "begin", EventType::kVMMigrate, "to_host",  false, false},
    CallRow{"restore",   "begin", EventType::kVMResume,  "",         false, false},
    CallRow{"reconnect", "begin", EventType::kVMHost,    "hostname", true,  false},
};
// clang-format on

bool has_reason(std::string_view extra) {
    return !extra.empty() && extra != "-";
}

}  // namespace

std::optional<event::Event> event_of_call(const HookCall& call, const Domain& domain,
                                          std::string_view host) {
    for (const CallRow& row : kCalls) {
        if (row.operation != call.operation || row.phase != call.phase) continue;
        if (row.needs_reason && !has_reason(call.extra)) return std::nullopt;
        event::Event event;
        event.type = static_cast<std::uint16_t>(row.type);
        event.source = event::Source::kVmManager;
        event.host = host;
        event.is_resync = row.is_resync;
        if (!row.host_field.empty()) event.set_text(row.host_field, std::string(host));
        if (row.type == EventType::kVMMigrate) event.set_text("phase", "START");
        if (row.needs_reason) event.set_text("reason", std::string(call.extra));
        if (!domain.name.empty()) event.attributes["domain"] = domain.name;
        return event;
    }
    return std::nullopt;
}

std::string subject_of(const Domain& domain) {
    if (!domain.process_id.empty()) return domain.process_id;
    return domain.uuid.empty() ? std::string() : "libvirt-uuid:/" + domain.uuid;
}

}  // namespace lb::hooks
