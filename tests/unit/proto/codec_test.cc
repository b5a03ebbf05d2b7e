// Our own encoder beside protobuf's: the same bytes for every type of event.
#include "common/event/codec.h"

#include <google/protobuf/descriptor.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>

#include "common/base/limits.h"
#include "common/event/field_text.h"
#include "lb/v1/event.pb.h"
#include "lb/v1/options.pb.h"
#include "tests/support/random_event.h"

using namespace lb;

namespace {

namespace pb = google::protobuf;

const pb::FieldDescriptor* payload_field(std::uint16_t type) {
    return v1::Event::descriptor()->FindFieldByNumber(type + 100);
}

// The event as protobuf would build it, from our fields.
void fill_payload(const event::Event& event, pb::Message& payload) {
    const event::TypeInfo& type = *event::find_type(event.type);
    const pb::Reflection& reflection = *payload.GetReflection();
    for (const event::FieldValue& value : event.fields) {
        const event::FieldInfo& info = type.fields[value.index];
        const pb::FieldDescriptor* field = payload.GetDescriptor()->FindFieldByNumber(info.number);
        REQUIRE(field != nullptr);
        switch (info.kind) {
            case event::FieldKind::kText:
            case event::FieldKind::kProcessId:
                reflection.SetString(&payload, field, value.text);
                break;
            case event::FieldKind::kReal:
                reflection.SetDouble(&payload, field, event::real_of_text(value.text));
                break;
            case event::FieldKind::kInteger:
            case event::FieldKind::kTime:
                reflection.SetInt64(&payload, field, std::stoll(value.text));
                break;
            case event::FieldKind::kPort:
                reflection.SetUInt32(&payload, field,
                                     static_cast<std::uint32_t>(std::stoul(value.text)));
                break;
            case event::FieldKind::kEnum:
            case event::FieldKind::kSource:
                reflection.SetEnumValue(&payload, field,
                                        static_cast<int>(event::number_of_text(info, value.text)));
                break;
            case event::FieldKind::kTags:
                for (const auto& [name, text] : event::tags_of_text(value.text)) {
                    auto* tag = reflection.AddMessage(&payload, field);
                    tag->GetReflection()->SetString(tag, tag->GetDescriptor()->FindFieldByNumber(1),
                                                    name);
                    tag->GetReflection()->SetString(tag, tag->GetDescriptor()->FindFieldByNumber(2),
                                                    text);
                }
                break;
        }
    }
}

v1::Event as_protobuf(const event::Event& event) {
    v1::Event message;
    message.set_time_us(event.time_us);
    message.set_host(event.host);
    message.set_source(static_cast<v1::Source>(event.source));
    message.set_source_instance(event.source_instance);
    message.set_level(static_cast<v1::Level>(event.level));
    message.set_sequence_code(event.sequence_code);
    message.set_user(event.user);
    message.set_priority(event.priority);
    message.set_resync(event.is_resync);
    if (event.since_us) message.set_since_us(*event.since_us);
    for (const auto& [name, value] : event.attributes)
        (*message.mutable_attributes())[name] = value;
    fill_payload(event,
                 *message.GetReflection()->MutableMessage(&message, payload_field(event.type)));
    return message;
}

std::string deterministic(const pb::Message& message) {
    std::string bytes;
    pb::io::StringOutputStream stream(&bytes);
    pb::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    REQUIRE(message.SerializeToCodedStream(&coded));
    coded.Trim();
    return bytes;
}

}  // namespace

TEST_CASE("encode() gives protobuf's bytes for every type; decode() reads them back", "[codec]") {
    std::mt19937 random(7);
    for (const event::TypeInfo& type : event::types()) {
        for (int i = 0; i < 20; ++i) {
            const event::Event event = test::random_event(type, random, i == 0);
            INFO(type.name << " " << i);
            const std::string ours = event::encode(event);
            CHECK(ours == deterministic(as_protobuf(event)));
            const auto back = event::decode(ours);
            REQUIRE(back.ok());
            CHECK(*back == event);
        }
    }
}

TEST_CASE("the 79 types of the original are there with their codes, fields and keys", "[codec]") {
    std::ifstream file(std::getenv("LB_SOURCE_DIR") +
                       std::string("/tests/fixtures/legacy_event_types.txt"));
    std::string line;
    int types = 0;
    while (std::getline(file, line)) {
        if (line.empty() || line[0] == '#') continue;
        std::istringstream words(line);
        int code = 0;
        std::string name, word;
        words >> code >> name;
        INFO(line);
        const event::TypeInfo* type = event::find_type(static_cast<std::uint16_t>(code));
        REQUIRE(type != nullptr);
        CHECK(type->name == name);
        ++types;
        while (words >> word) {
            std::istringstream parts(word);
            std::string field, kind, required, key;
            std::getline(parts, field, '/');
            std::getline(parts, kind, '/');
            std::getline(parts, required, '/');
            std::getline(parts, key, '/');
            INFO(word);
            const event::FieldInfo* info = type->find_field(field);
            REQUIRE(info != nullptr);
            CHECK(info->ulm_key == key);
            CHECK(info->is_required == (required == "yes"));
        }
    }
    CHECK(types == 79);
}

TEST_CASE("what is no event is refused with a place", "[codec]") {
    event::Event event =
        test::random_event(*event::find_type("VMStop"), *std::make_unique<std::mt19937>(1), true);
    const std::string bytes = event::encode(event);
    for (std::size_t cut = 1; cut < bytes.size(); ++cut)
        (void)event::decode(std::string_view(bytes).substr(0, cut));
    CHECK_FALSE(event::decode("").ok());
    CHECK_FALSE(event::decode("\xff\xff\xff").ok());
    CHECK(event::decode(bytes + bytes).error().text.find("two payloads") != std::string::npos);
    event.time_us = INT64_MAX;
    CHECK(event::decode(event::encode(event)).error().text.find("years") != std::string::npos);
    v1::Event message;
    message.set_host("bad");
    message.mutable_vm_stop()->set_reason("x");
    std::string raw = message.SerializeAsString();
    raw[raw.find("bad") + 1] = '\xff';
    CHECK(event::decode(raw).error().text.find("UTF-8") != std::string::npos);
}

TEST_CASE("events of newer programs keep what this one does not know", "[codec]") {
    event::Event event;
    event.type = 4242;
    event.time_us = 1;
    event.source = static_cast<event::Source>(42);
    const auto back = event::decode(event::encode(event));
    REQUIRE(back.ok());
    CHECK(back->type == 4242);
    CHECK(event::text_of(back->source) == "42");
    CHECK(event::encode(*back) == event::encode(event));
}

TEST_CASE("bytes that are no UTF-8 are repaired when they are encoded", "[codec]") {
    event::Event event;
    event.type = static_cast<std::uint16_t>(event::EventType::kVMStop);
    event.time_us = 1;
    event.host = "n\xffode";
    event.attributes["a\xc0"] = "\x80";
    REQUIRE(event::set_field_from_text(event, "reason", "br\xf5ken").ok());
    const auto back = event::decode(event::encode(event));
    REQUIRE(back.ok());
    CHECK(back->host == "n\xEF\xBF\xBDode");
    CHECK(back->text("reason") == "br\xEF\xBF\xBDken");
}

TEST_CASE("a tag list takes no more time than its bytes; over the limit it is refused", "[codec]") {
    // As many tags as an event has room for: copying the list for each would take minutes.
    event::TagList tags(limits::kEventBytesMax / 9, {"a", "b"});
    event::Event event;
    event.type = static_cast<std::uint16_t>(event::EventType::kPBSResourceUsage);
    event.time_us = 1;
    event.set_text("resources", event::text_of_tags(tags));
    const auto back = event::decode(event::encode(event));
    REQUIRE(back.ok());
    CHECK(*back == event);
    tags.resize(limits::kFieldBytesMax / 4 + 1, {"a", "b"});
    event.set_text("resources", event::text_of_tags(tags));
    CHECK_FALSE(event::decode(event::encode(event)).ok());
}
