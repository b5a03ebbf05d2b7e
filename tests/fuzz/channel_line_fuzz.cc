// What a guest, which nobody trusts, writes into its channel; and libvirt's state of a domain.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/base/assert.h"
#include "logd/guest_agent/channel_line.h"
#include "logd/guest_agent/channel_places.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)lb::guest_agent::domain_in_state(text);
    (void)lb::guest_agent::uuid_of(lb::guest_agent::libvirt_id_of(text));
    (void)lb::guest_agent::answer(lb::guest_agent::id_of(text), "refused", text);
    const auto line = lb::guest_agent::parse_line(text);
    if (!line.ok()) return 0;
    const auto event = lb::guest_agent::event_of(*line, 1'000'000'000);
    LB_ASSERT(!event.ok() || event->source == lb::event::Source::kVmSystem);
    return 0;
}
