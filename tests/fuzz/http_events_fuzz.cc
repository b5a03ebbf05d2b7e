// Bodies of POST /v1/events: cut into events without looking outside, each of them read or refused.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "bkserver/web/event_body.h"
#include "common/base/assert.h"
#include "common/event/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    for (const bool is_lines : {false, true}) {
        const auto events = lb::web::split_events(body, is_lines);
        if (!events.ok()) continue;
        LB_ASSERT(!events->empty() && events->size() <= lb::web::kBodyEventsMax);
        for (const std::string_view text : *events) {
            LB_ASSERT(text.data() >= body.data() &&
                      text.data() + text.size() <= body.data() + body.size());
            const auto object = lb::web::parse_event(text);
            if (object.ok()) (void)lb::event::event_from_json(*object);
        }
    }
    return 0;
}
