// Events and envelopes as strangers send them: refused, or read; what was read encodes and reads
// the same again, whatever form it takes in between.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "common/base/assert.h"
#include "common/event/accepted_event.h"
#include "common/event/codec.h"
#include "common/event/envelope.h"
#include "common/event/json.h"
#include "common/event/ulm.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    (void)lb::event::parse_envelope(bytes, lb::event::EnvelopeFrom::kProducer);
    (void)lb::event::open_accepted(bytes, {}, 0);
    const auto event = lb::event::decode(bytes);
    if (!event.ok()) return 0;
    const auto again = lb::event::decode(lb::event::encode(*event));
    LB_ASSERT(again.ok());
    LB_ASSERT(lb::event::encode(*again) == lb::event::encode(*event));
    (void)lb::event::event_to_json("host:/node1", *event);
    (void)lb::event::write_ulm("host:/node1", *event);
    return 0;
}
