// HTTP from strangers, in two pieces: a request, a refusal, or not whole yet.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bkserver/web/http.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    (void)lb::web::parse_request(bytes.substr(0, size / 2));
    const auto request = lb::web::parse_request(bytes);
    if (!request.ok()) {
        (void)lb::web::to_bytes(lb::web::refusal(request.error()), false);
        return 0;
    }
    if (!*request) return 0;
    const lb::web::Probes probes{[] { return true; }, [] { return std::string("lb_up 1\n"); }};
    (void)lb::web::to_bytes(lb::web::answer(**request, probes, true), false);
    return 0;
}
