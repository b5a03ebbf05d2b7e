#include "common/event/envelope.h"

#include "common/base/limits.h"
#include "common/event/event_id.h"
#include "common/event/process_id.h"
#include "lb/v1/envelope.pb.h"

namespace lb::event {

namespace {

constexpr std::size_t kInstanceIdBytes = 16;

Error wrong(std::string_view what) {
    return {ErrorCode::kReject, "envelope: " + std::string(what)};
}

Status check_acceptance(const v1::Envelope& envelope) {
    if (!envelope.has_acceptance()) return wrong("acceptance is missing");
    const v1::Acceptance& acceptance = envelope.acceptance();
    if (acceptance.origin().size() != kInstanceIdBytes) return wrong("origin is not 16 bytes");
    if (acceptance.counter() == 0) return wrong("counter is missing");
    if (acceptance.accepted_at_us() <= 0) return wrong("accepted_at_us is missing");
    if (acceptance.host().empty() || acceptance.host().size() > limits::kHostBytesMax)
        return wrong("host of the acceptance is missing or too long");
    if (acceptance.identity().name().empty() ||
        acceptance.identity().name().size() > limits::kHeaderTextBytesMax)
        return wrong("identity is missing or too long");
    return {};
}

}  // namespace

Result<v1::Envelope> parse_envelope(std::string_view bytes, bool needs_acceptance) {
    if (bytes.size() > limits::kEventBytesMax)
        return wrong("longer than " + std::to_string(limits::kEventBytesMax) + " bytes");
    v1::Envelope envelope;
    if (!envelope.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
        return wrong("the bytes are no lb.v1.Envelope");
    if (envelope.schema() > kEventSchema)
        return Error{ErrorCode::kUnsupported, "envelope: schema " +
                                                  std::to_string(envelope.schema()) +
                                                  " is newer than this program"};
    if (envelope.schema() == 0) return wrong("schema is missing");
    if (envelope.event().empty()) return wrong("event is missing");
    const bool may_lack_id = !needs_acceptance && envelope.event_id().empty();
    if (envelope.event_id().size() != kEventIdBytes && !may_lack_id)
        return wrong("event_id is not 16 bytes");
    LB_TRY(parse_subject(envelope.subject()));
    if (needs_acceptance) LB_TRY(check_acceptance(envelope));
    return envelope;
}

}  // namespace lb::event
