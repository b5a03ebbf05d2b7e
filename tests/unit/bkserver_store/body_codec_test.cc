// What a stored body keeps for itself and what it shares.
#include "bkserver/store/body_codec.h"

#include <catch2/catch.hpp>
#include <set>

#include "bkserver/store/preset.h"
#include "common/base/encoding.h"
#include "lb/v1/envelope.pb.h"
#include "tests/support/used_bytes.h"

using namespace lb;

namespace {

// Part of many events, and of the registers of their jobs.
constexpr std::string_view kSequenceCode =
    "UI=000001:NS=0000000002:WM=000005:BH=0000000000:JSS=000002:LM=000003:LRMS=000000:APP=000000:"
    "LBS=000000";

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

// A life's worth of short texts: each holds next to nothing that repeats within itself.
TEST_CASE("what events have in common is not stored with each") {
    v1::Envelope envelope = imported(1);
    envelope.set_event(
        "UI=000001:NS=0000000002:WM=000005:BH=0000000000:JSS=000002:LM=000003:"
        "LRMS=000000:APP=000000:LBS=000000");
    const store::Body body = store::encode_body(envelope.SerializeAsString(), envelope.event_id());
    CHECK(body.format == store::BodyFormat::kCompactPreset1);
    CHECK(body.bytes.size() < envelope.event().size() / 2);
    const std::string registers = std::string(60, 'r') + std::string(60, 's');
    const auto packed = store::pack_registers(registers);
    REQUIRE(packed.ok());
    CHECK(packed->format == store::RegistersFormat::kPreset1);
    CHECK(packed->bytes.size() < 30);
    CHECK(store::unpack_registers(*packed).value() == registers);
}

TEST_CASE("texts that do not get shorter stay as they are") {
    const auto packed = store::pack_registers("!");
    REQUIRE(packed.ok());
    CHECK(packed->format == store::RegistersFormat::kPlain);
    CHECK(store::unpack_registers(*packed).value() == "!");
    CHECK(store::unpack_registers({store::RegistersFormat::kPlain, ""}).value().empty());
}

// One thread packs bodies and registers in turn.
TEST_CASE("a text that does not get shorter does not disturb the next one") {
    CHECK(store::preset_of_bodies().shorter(kSequenceCode).has_value());
    CHECK_FALSE(store::preset_of_bodies().shorter("no").has_value());
    const auto packed = store::pack_registers(kSequenceCode);
    REQUIRE(packed.ok());
    REQUIRE(packed->format == store::RegistersFormat::kPreset1);
    const auto unpacked = store::unpack_registers(*packed);
    REQUIRE(unpacked.ok());
    CHECK(*unpacked == kSequenceCode);
}

TEST_CASE("a long text leaves no more memory behind than a short one") {
    std::string text;
    for (unsigned n = 0; text.size() < (1U << 20U); ++n) text += std::to_string(n * 2654435761U);
    REQUIRE(store::pack_registers(text.substr(0, 8192)).ok());
    const std::size_t before = test::used_bytes();
    if (before == 0) {
        WARN("skipped: this allocator, a sanitizer's, does not tell what is in use");
        return;
    }
    for (int times = 0; times < 3; ++times) {
        const auto packed = store::pack_registers(text);
        REQUIRE(packed.ok());
        CHECK(packed->format == store::RegistersFormat::kPreset1);
        CHECK(store::unpack_registers(*packed).value() == text);
    }
    CHECK(test::used_bytes() < before + 16'384);
}

TEST_CASE("rows of earlier servers are read") {
    v1::Envelope envelope = imported(7);
    envelope.set_event("what happened what happened what happened");
    const store::Body body = {
        store::BodyFormat::kCompactDeflated,
        *from_hex("0a10303132333435363738396162636465661a1f0805121b2f44433d6f72672f44433d6578616d70"
                  "6c652f434e3d616c696365"),
        *from_hex(
            "e360d4e21760d738de626bd1de59e570bc773b6395667946628942466241416a5e6a8a021e1e00")};
    const auto decoded = store::decode_body(body, {envelope.event_id(), envelope.subject()});
    REQUIRE(decoded.ok());
    CHECK(*decoded == envelope.SerializeAsString());
    const store::PackedRegisters registers = {
        store::RegistersFormat::kZstd, *from_hex("28b52ffd20785d00001872727302000092f809b0")};
    CHECK(store::unpack_registers(registers).value() ==
          std::string(60, 'r') + std::string(60, 's'));
}

TEST_CASE("bytes that are no packed text are told as such") {
    for (const std::string& bytes : {std::string(), std::string("\xff\xff\xff\xff\xff\xff\xff\xff"),
                                     std::string(100, 'x'), *from_hex("e0ffffffffffffff7f")}) {
        CHECK(store::unpack_registers({store::RegistersFormat::kPreset1, bytes}).error().code ==
              ErrorCode::kCorrupt);
        CHECK(store::decode_body({store::BodyFormat::kCompactPreset1, {}, bytes}, {"id", "subject"})
                  .error()
                  .code == ErrorCode::kCorrupt);
    }
}
