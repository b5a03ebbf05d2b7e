#include "bkserver/ingest/stamper.h"

#include "common/base/identity_limits.h"
#include "common/env/env.h"
#include "common/event/envelope.h"
#include "common/event/event_id.h"

namespace lb::ingest {

namespace {

constexpr std::size_t kOriginBytes = 16;

void add_groups(const std::vector<std::string>& groups, lb::v1::Identity& identity) {
    std::size_t bytes = 0;
    for (const std::string& group : groups)
        if (bytes += group.size(); bytes <= limits::kGroupsBytesMax) identity.add_groups(group);
}

}  // namespace

Stamper::Stamper(std::string host, GroupsOf groups_of)
    : host_(std::move(host)),
      groups_of_(std::move(groups_of)),
      origin_(kOriginBytes, '\0'),
      boot_id_(env::boot_id(env::posix_env())) {
    env::posix_env().fill_random(origin_);
}

Result<lb::v1::Envelope> Stamper::stamp(std::string_view envelope_bytes,
                                        const lb::v1::Identity& identity) {
    LB_TRY_ASSIGN(lb::v1::Envelope envelope,
                  event::parse_envelope(envelope_bytes, event::EnvelopeFrom::kProducer));
    // Of the producer's host alone, or of its call.
    envelope.clear_program();
    envelope.clear_is_channel();
    if (envelope.event_id().empty()) envelope.set_event_id(event::new_event_id());
    lb::v1::Acceptance& acceptance = *envelope.mutable_acceptance();
    acceptance.set_origin(origin_);
    acceptance.set_counter(++counter_);
    *acceptance.mutable_identity() = identity;
    acceptance.mutable_identity()->clear_realm();
    if (groups_of_) add_groups(groups_of_(identity), *acceptance.mutable_identity());
    acceptance.set_host(host_);
    acceptance.set_accepted_at_us(env::posix_env().now_us());
    acceptance.set_boot_id(boot_id_);
    acceptance.set_monotonic_us(env::posix_env().monotonic_us());
    return envelope;
}

}  // namespace lb::ingest
