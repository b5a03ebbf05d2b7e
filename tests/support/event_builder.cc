#include "tests/support/event_builder.h"

#include <cmath>
#include <cstdlib>

#include "common/event/codec.h"
#include "common/event/event_id.h"

namespace lb::test {

EventBuilder::EventBuilder(event::EventType type, event::Source source, std::string subject)
    : subject_(std::move(subject)), id_(event::new_event_id()) {
    event_.type = static_cast<std::uint16_t>(type);
    event_.source = source;
    event_.time_us = kNoon;
    event_.host = host_;
}

EventBuilder& EventBuilder::at(double seconds) {
    event_.time_us = kNoon + std::llround(seconds * 1e6);
    return *this;
}

EventBuilder& EventBuilder::field(std::string_view name, std::string text) {
    if (!event::set_field_from_text(event_, name, text).ok()) std::abort();
    return *this;
}

EventBuilder& EventBuilder::uid(std::uint32_t uid) {
    uid_ = uid;
    return *this;
}

EventBuilder& EventBuilder::priority(std::uint32_t mask) {
    event_.priority = mask;
    return *this;
}

EventBuilder& EventBuilder::resync() {
    event_.is_resync = true;
    return *this;
}

EventBuilder& EventBuilder::host(std::string name) {
    host_ = std::move(name);
    event_.host = host_;
    return *this;
}

EventBuilder& EventBuilder::id(std::string_view seed) {
    id_ = event::event_id_of_text(seed);
    return *this;
}

EventBuilder& EventBuilder::counter(std::uint64_t value) {
    counter_ = value;
    return *this;
}

lb::v1::Envelope EventBuilder::envelope() const {
    lb::v1::Envelope envelope;
    envelope.set_schema(1);
    envelope.set_event_id(id_);
    envelope.set_subject(subject_);
    lb::v1::Acceptance& acceptance = *envelope.mutable_acceptance();
    acceptance.set_origin(event::event_id_of_text("origin of " + host_));
    acceptance.set_counter(counter_);
    acceptance.mutable_identity()->set_kind(lb::v1::IDENTITY_KIND_UID);
    acceptance.mutable_identity()->set_name(std::to_string(uid_));
    acceptance.set_host(host_);
    acceptance.set_accepted_at_us(event_.time_us + 1000);
    envelope.set_event(event::encode(event_));
    return envelope;
}

book::Arrived EventBuilder::arrived() const {
    book::Arrived arrived;
    arrived.envelope = envelope().SerializeAsString();
    arrived.forwarder.set_kind(lb::v1::IDENTITY_KIND_CERTIFICATE);
    arrived.forwarder.set_name("/DC=org/DC=example/CN=host/" + host_);
    arrived.arrived_us = event_.time_us + 2000;
    return arrived;
}

}  // namespace lb::test
