#include "common/event/event_id.h"

#include <sys/random.h>

#include <array>
#include <chrono>

#include "common/base/assert.h"
#include "common/base/encoding.h"

namespace lb::event {

std::string new_event_id() {
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    std::string id(kEventIdBytes, '\0');
    const ssize_t got = getrandom(id.data(), id.size(), 0);
    LB_ASSERT(got == static_cast<ssize_t>(id.size()));
    const auto now_ms = static_cast<std::uint64_t>(
        duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
    for (std::size_t i = 0; i < 6; ++i) id[i] = static_cast<char>(now_ms >> (40 - 8 * i));
    id[6] = static_cast<char>((static_cast<unsigned char>(id[6]) & 0x0f) | 0x70);
    id[8] = static_cast<char>((static_cast<unsigned char>(id[8]) & 0x3f) | 0x80);
    return id;
}

std::string event_id_to_text(std::string_view event_id) {
    const std::string hex = to_hex(event_id);
    if (hex.size() != 2 * kEventIdBytes) return hex;
    return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
           hex.substr(16, 4) + "-" + hex.substr(20);
}

}  // namespace lb::event
