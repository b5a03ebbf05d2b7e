// JSON events: refused with a member's name, or read; the printed form is read the same again.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "common/base/assert.h"
#include "common/event/codec.h"
#include "common/event/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto object = nlohmann::json::parse(text, nullptr, false);
    if (object.is_discarded()) return 0;
    const auto event = lb::event::event_from_json(object);
    if (!event.ok() || event->subject.empty()) return 0;
    const auto printed = lb::event::event_to_json(event->subject, event->event);
    LB_ASSERT(lb::event::event_from_json(printed).ok());
    return 0;
}
