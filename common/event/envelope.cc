#include "common/event/envelope.h"

#include "common/base/limits.h"
#include "common/event/event_id.h"
#include "common/event/process_id.h"
#include "lb/v1/envelope.pb.h"

namespace lb::event {

namespace {

constexpr std::size_t kOriginBytes = 16;

Error wrong(std::string_view what) {
    return {ErrorCode::kReject, "envelope: " + std::string(what)};
}

Status check_origin(const v1::Acceptance& acceptance) {
    const bool is_import = acceptance.identity().kind() == v1::IDENTITY_KIND_IMPORT;
    const bool is_stamped = !acceptance.origin().empty() || acceptance.counter() != 0 ||
                            acceptance.accepted_at_us() != 0;
    if (is_import && !is_stamped) return {};
    if (acceptance.origin().size() != kOriginBytes) return wrong("origin is not 16 bytes");
    if (acceptance.counter() == 0) return wrong("counter is missing");
    if (acceptance.accepted_at_us() <= 0 || acceptance.accepted_at_us() > limits::kTimeUsMax)
        return wrong("accepted_at_us is missing or no time");
    if ((acceptance.host().empty() && !is_import) ||
        acceptance.host().size() > limits::kHostBytesMax)
        return wrong("host of the acceptance is missing or too long");
    return {};
}

Status check_acceptance(const v1::Envelope& envelope) {
    if (!envelope.has_acceptance()) return wrong("acceptance is missing");
    const v1::Identity& identity = envelope.acceptance().identity();
    const bool may_lack_name = identity.kind() == v1::IDENTITY_KIND_IMPORT;
    if ((identity.name().empty() && !may_lack_name) ||
        identity.name().size() > limits::kHeaderTextBytesMax)
        return wrong("identity is missing or too long");
    if (!identity.realm().empty()) return wrong("a realm is the server's to know");
    return check_origin(envelope.acceptance());
}

}  // namespace

Result<v1::Envelope> parse_envelope(std::string_view bytes, EnvelopeFrom from) {
    const bool is_stamped = from == EnvelopeFrom::kDaemon;
    const std::size_t bytes_max =
        limits::kEventBytesMax + (is_stamped ? limits::kAcceptanceBytesMax : 0);
    if (bytes.size() > bytes_max)
        return wrong(std::to_string(bytes.size()) + " bytes, the limit is " +
                     std::to_string(bytes_max));
    v1::Envelope envelope;
    if (!envelope.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
        return wrong("the bytes are no lb.v1.Envelope");
    if (envelope.schema() == 0) return wrong("schema is missing");
    if (envelope.event().empty()) return wrong("event is missing");
    const bool may_lack_id = !is_stamped && envelope.event_id().empty();
    if (envelope.event_id().size() != kEventIdBytes && !may_lack_id)
        return wrong("event_id is not 16 bytes");
    LB_TRY(parse_subject(envelope.subject()));
    if (is_stamped) {
        LB_TRY(check_acceptance(envelope));
    } else if (envelope.has_acceptance()) {
        return wrong("a producer states no acceptance: the first daemon makes it");
    }
    return envelope;
}

}  // namespace lb::event
