#include "common/event/accepted_event.h"

#include "common/base/identity_limits.h"
#include "common/base/limits.h"
#include "common/event/codec.h"
#include "common/event/envelope.h"
#include "common/event/identity.h"

namespace lb::event {

Arrival AcceptedEvent::arrival() const {
    const v1::Acceptance& acceptance = envelope.acceptance();
    return {.origin = acceptance.origin(),
            .counter = acceptance.counter(),
            .accepted_at_us = acceptance.accepted_at_us(),
            .event_id = envelope.event_id(),
            .order_cap_us = order_cap_us,
            .identity = proven_name,
            .fqans = fqans};
}

Result<AcceptedEvent> open_accepted(std::string_view envelope_bytes, const v1::Identity& forwarder,
                                    std::int64_t arrived_us) {
    AcceptedEvent accepted;
    LB_TRY_ASSIGN(accepted.envelope, parse_envelope(envelope_bytes, EnvelopeFrom::kDaemon));
    if (accepted.envelope.schema() <= kEventSchema) {
        LB_TRY_ASSIGN(accepted.event, decode(accepted.envelope.event()));
    }
    const v1::Acceptance& acceptance = accepted.envelope.acceptance();
    accepted.identity = acceptance.identity();
    set_realm(accepted.identity, forwarder, acceptance.host());
    const bool is_import = accepted.identity.kind() == v1::IDENTITY_KIND_IMPORT;
    accepted.proven_name = is_import ? accepted.identity.name() : identity_text(accepted.identity);
    for (const std::string& group : accepted.identity.groups()) {
        const bool has_room = accepted.fqans.size() + group.size() < limits::kGroupsBytesMax;
        if (group.starts_with('/') && has_room)
            accepted.fqans += (accepted.fqans.empty() ? "" : "\n") + group;
    }
    // Of what is imported the server decided that it comes from, when it took it.
    const std::int64_t first_arrived_us = is_import && acceptance.stated_arrival_us() != 0
                                              ? acceptance.stated_arrival_us()
                                              : arrived_us;
    if (acceptance.accepted_at_us() > first_arrived_us + limits::kStampSkewUsMax)
        accepted.order_cap_us = first_arrived_us;
    return accepted;
}

}  // namespace lb::event
