#include "tests/support/random_event.h"

#include <array>
#include <cstdlib>

#include "common/event/codec.h"

namespace lb::test {

namespace {

constexpr std::array<const char*, 9> kTexts = {
    "plain", "two words", "quoted \"text\" and \\back\\slash",    "line\nbreak",       "tab\there",
    "=",     "a=b,c=d",   "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x96\xA5", "DG.EVNT=\"VMDone\""};
constexpr std::int64_t kSomeTimeUs = 1'700'000'000'123'456;

std::string random_text(std::mt19937& random) {
    std::string text = kTexts[random() % kTexts.size()];
    if (random() % 20 == 0) text += std::string(1 + random() % 2000, 'x');
    return text;
}

std::string text_for(const event::FieldInfo& field, std::mt19937& random) {
    switch (field.kind) {
        case event::FieldKind::kText:
            return random_text(random);
        case event::FieldKind::kProcessId:
            return "https://lb.example.org:9000/id" + std::to_string(random() % 100);
        case event::FieldKind::kInteger:
            return std::to_string(static_cast<std::int64_t>(random()) - 2'000'000'000);
        case event::FieldKind::kPort:
            return std::to_string(random() % 65536);
        case event::FieldKind::kReal:
            return std::to_string(static_cast<double>(random() % 1000) / 8);
        case event::FieldKind::kEnum:
            return std::string(field.values[random() % field.values.size()].name);
        case event::FieldKind::kSource:
            return std::string(event::source_names()[1 + random() % 19]);
        case event::FieldKind::kTags:
            return "name" + std::to_string(random() % 9) + "=value,other=1";
        case event::FieldKind::kTime:
            return std::to_string(kSomeTimeUs + static_cast<std::int64_t>(random()));
    }
    return {};
}

}  // namespace

event::Event random_event(const event::TypeInfo& type, std::mt19937& random, bool is_full) {
    const auto maybe = [&] { return is_full || random() % 2 == 0; };
    event::Event event;
    event.type = type.code;
    event.time_us = kSomeTimeUs + static_cast<std::int64_t>(random());
    event.source = static_cast<event::Source>(1 + random() % 19);
    event.level = static_cast<std::uint8_t>(random() % event::level_names().size());
    event.priority = maybe() ? static_cast<std::uint32_t>(1 + random() % 7) : 0;
    event.is_resync = maybe();
    if (maybe()) event.host = "node1.example.org";
    if (maybe()) event.source_instance = random_text(random);
    if (maybe()) event.sequence_code = "UI=000003:NS=0000000001";
    if (maybe()) event.user = "/DC=org/CN=Jos\xC3\xA9 \"x\"";
    if (maybe()) event.since_us = kSomeTimeUs;
    if (maybe()) event.attributes = {{"a", random_text(random)}, {"b", "2"}};
    for (const event::FieldInfo& field : type.fields)
        if (maybe() && !event::set_field_from_text(event, field.name, text_for(field, random)).ok())
            std::abort();
    return event;
}

}  // namespace lb::test
