// Which event a call of libvirt's qemu hook means (state-model: producers keep no memory; one call,
// one event at most).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/event/event.h"
#include "logd/hooks/libvirt/domain_xml.h"

namespace lb::hooks {

// The arguments libvirt passes: guest name, operation, sub-operation, extra.
struct HookCall {
    std::string_view operation;
    std::string_view phase;
    std::string_view extra;  // the reason of a release since libvirt 10.5; "-" before
};

// Nothing for calls that say nothing about the guest. `host` is the physical machine's name.
std::optional<event::Event> event_of_call(const HookCall& call, const Domain& domain,
                                          std::string_view host);

// The id an integrator put into the XML, else the key libvirt-uuid:/UUID; empty without either.
std::string subject_of(const Domain& domain);

}  // namespace lb::hooks
