// An event that a daemon stamped and the server received: the envelope, the event inside it, and
// what the server alone knows of both. Whoever folds, orders or shows stored events opens them
// here, so that all do it alike.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/event/event.h"
#include "common/event/order_key.h"
#include "lb/v1/envelope.pb.h"

namespace lb::event {

struct AcceptedEvent {
    v1::Envelope envelope;
    Event event;              // of a newer schema: type 0, nothing is known of it
    v1::Identity identity;    // of the acceptance, with its realm
    std::string proven_name;  // identity_text(identity); of an import what it states
    std::string fqans;        // of its groups those with a '/' in front, one a line
    std::int64_t order_cap_us = 0;

    // References into this.
    [[nodiscard]] Arrival arrival() const;
};

// `forwarder` delivered it, at `arrived_us` by the server's clock. kReject says what is wrong with
// the bytes.
Result<AcceptedEvent> open_accepted(std::string_view envelope_bytes, const v1::Identity& forwarder,
                                    std::int64_t arrived_us);

}  // namespace lb::event
