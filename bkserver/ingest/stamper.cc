#include "bkserver/ingest/stamper.h"

#include <algorithm>
#include <array>

#include "common/base/encoding.h"
#include "common/env/env.h"
#include "common/event/envelope.h"
#include "common/event/event_id.h"

namespace lb::ingest {

namespace {

constexpr std::size_t kOriginBytes = 16;
constexpr std::size_t kBootIdFileBytesMax = 64;

// The kernel's id of this boot; empty where there is none.
std::string read_boot_id() {
    const auto text =
        env::read_file(env::posix_env(), "/proc/sys/kernel/random/boot_id", kBootIdFileBytesMax);
    if (!text.ok()) return {};
    std::string digits;
    std::copy_if(text->begin(), text->end(), std::back_inserter(digits),
                 [](char character) { return character != '-' && character != '\n'; });
    return from_hex(digits).value_or(std::string());
}

}  // namespace

Stamper::Stamper(std::string host)
    : host_(std::move(host)), origin_(kOriginBytes, '\0'), boot_id_(read_boot_id()) {
    env::posix_env().fill_random(origin_);
}

Result<lb::v1::Envelope> Stamper::stamp(std::string_view envelope_bytes,
                                        const lb::v1::Identity& identity) {
    LB_TRY_ASSIGN(lb::v1::Envelope envelope,
                  event::parse_envelope(envelope_bytes, event::EnvelopeFrom::kProducer));
    if (envelope.event_id().empty()) envelope.set_event_id(event::new_event_id());
    lb::v1::Acceptance& acceptance = *envelope.mutable_acceptance();
    acceptance.set_origin(origin_);
    acceptance.set_counter(++counter_);
    *acceptance.mutable_identity() = identity;
    acceptance.mutable_identity()->clear_realm();
    acceptance.set_host(host_);
    acceptance.set_accepted_at_us(env::posix_env().now_us());
    acceptance.set_boot_id(boot_id_);
    acceptance.set_monotonic_us(env::posix_env().monotonic_us());
    return envelope;
}

}  // namespace lb::ingest
