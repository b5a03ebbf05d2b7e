#include "common/event/envelope.h"

#include <catch2/catch.hpp>

#include "common/base/limits.h"
#include "common/event/accepted_event.h"
#include "common/event/codec.h"
#include "common/event/identity.h"

using namespace lb;
using namespace lb::event;

namespace {

constexpr std::int64_t kNow = 1'700'000'000'000'000;

v1::Envelope stamped() {
    Event event;
    event.type = static_cast<std::uint16_t>(EventType::kVMStop);
    event.time_us = kNow;
    v1::Envelope envelope;
    envelope.set_schema(1);
    envelope.set_event_id(std::string(16, 'i'));
    envelope.set_subject("https://h:9000/x");
    envelope.set_event(encode(event));
    v1::Acceptance& acceptance = *envelope.mutable_acceptance();
    acceptance.set_origin(std::string(16, 'o'));
    acceptance.set_counter(1);
    acceptance.mutable_identity()->set_kind(v1::IDENTITY_KIND_UID);
    acceptance.mutable_identity()->set_name("1000");
    acceptance.set_host("node1");
    acceptance.set_accepted_at_us(kNow);
    return envelope;
}

v1::Identity certificate(const std::string& dn) {
    v1::Identity identity;
    identity.set_kind(v1::IDENTITY_KIND_CERTIFICATE);
    identity.set_name(dn);
    return identity;
}

std::string refusal(const v1::Envelope& envelope, EnvelopeFrom from) {
    const auto parsed = parse_envelope(envelope.SerializeAsString(), from);
    return parsed.ok() ? std::string() : parsed.error().text;
}

}  // namespace

TEST_CASE("a daemon's envelope must be whole", "[envelope]") {
    CHECK(refusal(stamped(), EnvelopeFrom::kDaemon).empty());
    const struct {
        const char* word;
        void (*spoil)(v1::Envelope&);
    } cases[] = {
        {"schema", [](v1::Envelope& e) { e.clear_schema(); }},
        {"event is missing", [](v1::Envelope& e) { e.clear_event(); }},
        {"event_id", [](v1::Envelope& e) { e.set_event_id("short"); }},
        {"process id", [](v1::Envelope& e) { e.set_subject("https://h"); }},
        {"acceptance", [](v1::Envelope& e) { e.clear_acceptance(); }},
        {"origin", [](v1::Envelope& e) { e.mutable_acceptance()->set_origin("x"); }},
        {"counter", [](v1::Envelope& e) { e.mutable_acceptance()->clear_counter(); }},
        {"accepted_at_us", [](v1::Envelope& e) { e.mutable_acceptance()->set_accepted_at_us(-1); }},
        {"host", [](v1::Envelope& e) { e.mutable_acceptance()->clear_host(); }},
        {"identity", [](v1::Envelope& e) { e.mutable_acceptance()->clear_identity(); }},
        {"realm",
         [](v1::Envelope& e) { e.mutable_acceptance()->mutable_identity()->set_realm("h"); }},
    };
    for (const auto& spoiled : cases) {
        v1::Envelope envelope = stamped();
        spoiled.spoil(envelope);
        INFO(spoiled.word);
        CHECK(refusal(envelope, EnvelopeFrom::kDaemon).find(spoiled.word) != std::string::npos);
    }
    CHECK_FALSE(parse_envelope("garbage", EnvelopeFrom::kDaemon).ok());
}

TEST_CASE("a producer states no acceptance", "[envelope]") {
    v1::Envelope envelope = stamped();
    CHECK(refusal(envelope, EnvelopeFrom::kProducer).find("no acceptance") != std::string::npos);
    envelope.clear_acceptance();
    envelope.clear_event_id();
    CHECK(refusal(envelope, EnvelopeFrom::kProducer).empty());
}

TEST_CASE("an import has an identity, and of its stamp all or nothing", "[envelope]") {
    v1::Envelope envelope = stamped();
    v1::Acceptance& acceptance = *envelope.mutable_acceptance();
    acceptance.mutable_identity()->set_kind(v1::IDENTITY_KIND_IMPORT);
    acceptance.clear_host();
    CHECK(refusal(envelope, EnvelopeFrom::kDaemon).empty());
    acceptance.clear_counter();
    CHECK(refusal(envelope, EnvelopeFrom::kDaemon).find("counter") != std::string::npos);
    acceptance.clear_origin();
    CHECK(refusal(envelope, EnvelopeFrom::kDaemon).find("origin") != std::string::npos);
    acceptance.clear_accepted_at_us();
    CHECK(refusal(envelope, EnvelopeFrom::kDaemon).empty());
    const auto opened = open_accepted(envelope.SerializeAsString(), certificate("/CN=x"), kNow);
    REQUIRE(opened.ok());
    CHECK(opened->proven_name == acceptance.identity().name());
    // Of some old lines nobody says who logged them.
    acceptance.mutable_identity()->clear_name();
    CHECK(refusal(envelope, EnvelopeFrom::kDaemon).empty());
}

// A stamp far ahead of the server's clock is capped by its arrival: there and wherever it is
// loaded.
TEST_CASE("an import keeps the order that it had where it comes from", "[envelope]") {
    constexpr std::int64_t kHourUs = 3'600'000'000;
    v1::Envelope envelope = stamped();
    envelope.mutable_acceptance()->set_accepted_at_us(kNow + kHourUs);
    const auto first = open_accepted(envelope.SerializeAsString(), certificate("/CN=x"), kNow);
    REQUIRE(first.ok());
    CHECK(first->order_cap_us == kNow);
    envelope.mutable_acceptance()->mutable_identity()->set_kind(v1::IDENTITY_KIND_IMPORT);
    envelope.mutable_acceptance()->set_stated_arrival_us(kNow);
    const auto loaded =
        open_accepted(envelope.SerializeAsString(), certificate("/CN=x"), kNow + 24 * kHourUs);
    REQUIRE(loaded.ok());
    CHECK(loaded->order_cap_us == kNow);
    CHECK(order_key(loaded->event, loaded->arrival(), ClockFamily::kNone) ==
          order_key(first->event, first->arrival(), ClockFamily::kNone));
}

TEST_CASE("what a stamp adds has room of its own", "[envelope]") {
    v1::Envelope envelope = stamped();
    envelope.set_event(std::string(limits::kEventBytesMax, 'x'));
    CHECK(refusal(envelope, EnvelopeFrom::kDaemon).empty());
    envelope.set_event(std::string(limits::kEventBytesMax + limits::kAcceptanceBytesMax, 'x'));
    CHECK(refusal(envelope, EnvelopeFrom::kDaemon).find("limit") != std::string::npos);
    envelope.clear_acceptance();
    envelope.set_event(std::string(limits::kEventBytesMax, 'x'));
    CHECK(refusal(envelope, EnvelopeFrom::kProducer).find("limit") != std::string::npos);
}

TEST_CASE("a uid is a user of the host that delivered the event", "[identity]") {
    const std::string bytes = stamped().SerializeAsString();
    const auto delivered =
        open_accepted(bytes, certificate("/O=x/CN=host/Node7.Example.org"), kNow);
    REQUIRE(delivered.ok());
    CHECK(delivered->proven_name == "uid:1000@node7.example.org");
    v1::Identity local;
    local.set_kind(v1::IDENTITY_KIND_UID);
    local.set_name("0");
    CHECK(open_accepted(bytes, local, kNow)->proven_name == "uid:1000@node1");
}

TEST_CASE("a host that lives in the future is capped by the server's clock", "[envelope]") {
    const std::string bytes = stamped().SerializeAsString();
    CHECK(open_accepted(bytes, certificate("/CN=x"), kNow - 1'000'000)->order_cap_us == 0);
    const std::int64_t long_before = kNow - 2 * limits::kStampSkewUsMax;
    CHECK(open_accepted(bytes, certificate("/CN=x"), long_before)->order_cap_us == long_before);
}

TEST_CASE("a registration is for whom it names, if it names anybody", "[identity]") {
    constexpr char kBob[] = "certificate:/CN=bob";
    for (const char* stated : {"", "bob", "/CN=bob", kBob, "Bob: at night"})
        CHECK(owner_of_registration(stated, kBob) == kBob);
    CHECK(owner_of_registration("/CN=alice", kBob) == "certificate:/CN=alice");
    CHECK(owner_of_registration("uid:7@node1", kBob) == "uid:7@node1");
    CHECK(owner_of_registration("uid:7", "uid:7@node1") == "uid:7@node1");
    CHECK(owner_of_registration("uid:7@node2", "uid:7@node1") == "uid:7@node2");
    CHECK(owner_of_registration("/CN=x", "/CN=x") == "/CN=x");  // an import's bare name
}

TEST_CASE("hosts are read out of certificates", "[identity]") {
    CHECK(host_of_certificate("certificate:/O=lb/CN=host/node1.example.org") ==
          "node1.example.org");
    CHECK(host_of_certificate("certificate:/O=lb/CN=node1") == "node1");
    CHECK(host_of_certificate("certificate:/O=lb/CN=Alice Smith").empty());
    CHECK(host_of_certificate("uid:0@node1").empty());
    CHECK(identity_text(certificate("/CN=x")) == "certificate:/CN=x");
    for (const char* text :
         {"certificate:/CN=a@b:c", "uid:7@node1", "uid:7", "token:t42", "import:x"})
        CHECK(identity_text(*identity_of_text(text)) == text);
    CHECK(identity_text(*identity_of_text("/CN=x")) == "certificate:/CN=x");
    for (const char* text : {"", "alice", "uid:", "uid", "certificate", "king:x", ":x"})
        CHECK_FALSE(identity_of_text(text));
}
