// Targets of requests: refused, or cut into parts that hold no control character and no step up.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bkserver/web/routes.h"
#include "bkserver/web/target.h"
#include "common/base/assert.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto target = lb::web::parse_target(text);
    if (!target.ok()) return 0;
    for (const std::string& segment : target->segments) {
        LB_ASSERT(!segment.empty() && segment != "." && segment != "..");
        for (const char character : segment)
            LB_ASSERT(static_cast<unsigned char>(character) >= ' ' && character != '\x7f');
    }
    lb::web::HttpRequest request;
    request.method = "GET";
    request.segments = target->segments;
    (void)lb::web::find_route(request);
    return 0;
}
