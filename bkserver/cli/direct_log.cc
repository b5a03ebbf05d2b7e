#include "bkserver/cli/direct_log.h"

#include "common/event/codec.h"
#include "common/event/envelope.h"
#include "common/event/event_id.h"
#include "lb/v1/envelope.pb.h"
#include "lb/v1/wire.pb.h"
#include "logd/client/producer.h"

namespace lb::cli {

// The original's EXCL.
constexpr std::uint32_t kExclusivePriority = 64;

Status log_direct(net::Client& client, const std::string& subject, event::EventType type,
                  const std::vector<DirectField>& fields, const Speaker& speaker) {
    event::Event event;
    event.type = static_cast<std::uint16_t>(type);
    event.source = speaker.source;
    event.sequence_code = speaker.sequence_code;
    if (speaker.is_exclusive) event.priority |= kExclusivePriority;
    client::complete(event);
    for (const DirectField& field : fields)
        if (!field.text.empty()) LB_TRY(event::set_field_from_text(event, field.name, field.text));
    lb::v1::Envelope envelope;
    envelope.set_schema(event::kEventSchema);
    envelope.set_event_id(event::new_event_id());
    envelope.set_subject(subject);
    envelope.set_priority(lb::v1::PRIORITY_SYNC);
    envelope.set_event(event::encode(event));
    LB_TRY_ASSIGN(const lb::v1::LogReply reply, client.log(envelope));
    const auto code = static_cast<ErrorCode>(reply.code());
    if (code != ErrorCode::kOk) return Error{code, subject + ": " + reply.text()};
    return {};
}

}  // namespace lb::cli
