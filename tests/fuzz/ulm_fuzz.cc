// Lines of ULM: refused with a place, or read; what was read is written and read the same again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/base/assert.h"
#include "common/event/codec.h"
#include "common/event/ulm.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view line(reinterpret_cast<const char*>(data), size);
    const auto parsed = lb::event::parse_ulm(line);
    if (!parsed.ok()) return 0;
    const std::string written = lb::event::write_ulm(*parsed);
    const auto again = lb::event::parse_ulm(written);
    LB_ASSERT(again.ok());
    LB_ASSERT(lb::event::encode(again->event) == lb::event::encode(parsed->event));
    LB_ASSERT(lb::event::write_ulm(*again) == written);
    return 0;
}
