// What a stored body keeps for itself and what it shares.
#include "bkserver/store/body_codec.h"

#include <catch2/catch.hpp>
#include <set>

#include "lb/v1/envelope.pb.h"

using namespace lb;

namespace {

// A line of a dump: each event has its own times and its place in its origin.
v1::Envelope imported(std::int64_t number) {
    v1::Envelope envelope;
    envelope.set_schema(1);
    envelope.set_event_id(std::string(15, 'i') + static_cast<char>(number));
    envelope.set_subject("https://lb.example.org:9000/job");
    envelope.set_event("what happened");
    v1::Acceptance& acceptance = *envelope.mutable_acceptance();
    acceptance.mutable_identity()->set_kind(v1::IDENTITY_KIND_IMPORT);
    acceptance.mutable_identity()->set_name("/DC=org/DC=example/CN=alice");
    acceptance.set_origin("0123456789abcdef");
    acceptance.set_counter(static_cast<std::uint64_t>(number));
    acceptance.set_accepted_at_us(1'000'000 + number);
    acceptance.set_monotonic_us(2'000'000 + number);
    acceptance.set_stated_arrival_us(3'000'000 + number);
    return envelope;
}

}  // namespace

// Each stamp costs a row for ever, and a transaction when it is met first.
TEST_CASE("events of one origin and identity share one stamp, whatever their times") {
    std::set<std::string> stamps;
    for (std::int64_t number = 0; number < 100; ++number) {
        const v1::Envelope envelope = imported(number);
        const std::string bytes = envelope.SerializeAsString();
        const store::BodyContext context = {envelope.event_id(), envelope.subject()};
        const store::Body body = store::encode_body(bytes, context.event_id);
        CHECK(body.format != store::BodyFormat::kVerbatim);
        const auto decoded = store::decode_body(body, context);
        REQUIRE(decoded.ok());
        CHECK(*decoded == bytes);
        stamps.insert(body.stamp);
    }
    CHECK(stamps.size() == 1);
}
