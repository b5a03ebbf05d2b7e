// What a libvirt event means as an event of ours: the table of state-model 11.2, "Agent (libvirt
// events)". Pure; one libvirt event, one event of ours at most.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/event/event.h"

namespace lb::libvirt_agent {

// Which callback of libvirt spoke.
enum class Channel : std::uint8_t { kLifecycle, kReboot, kGuestAgent, kJob };

// Numbers as libvirt gives them: event and detail of the life cycle; of the guest agent its state
// and reason; of a finished job its operation, and 1 or 0 for success.
struct DomainEvent {
    Channel channel = Channel::kLifecycle;
    int number = 0;
    int detail = 0;
};

// What a look at connecting finds: virDomainGetState's state and reason.
struct DomainLook {
    int state = 0;
    int reason = 0;
};

// Nothing for what changes nothing, and for numbers that this version does not know. Event time and
// attributes are the caller's. `host` is this physical machine's name.
std::optional<event::Event> event_of(const DomainEvent& happened, std::string_view host);
// Marked as a look. Nothing for a guest that is just coming in from another host.
std::optional<event::Event> event_of(const DomainLook& found, std::string_view host);

// Whether the table has a row for it, be it one that means nothing.
bool is_known(const DomainEvent& happened);

}  // namespace lb::libvirt_agent
