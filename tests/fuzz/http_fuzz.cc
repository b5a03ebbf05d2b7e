// HTTP from strangers, whole and in two pieces: the same request, a refusal, or not whole yet; what
// was read is answered.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bkserver/web/request_reader.h"
#include "bkserver/web/routes.h"
#include "common/base/assert.h"

namespace {

using lb::web::RequestReader;

void read_all(RequestReader& reader) {
    while (reader.stage() == RequestReader::Stage::kWhole) {
        const lb::web::HttpRequest request = reader.take();
        LB_ASSERT(request.body.size() <= lb::web::kBodyBytesMax);
        LB_ASSERT(!request.path.empty() && request.path[0] == '/');
        const lb::web::Match match = lb::web::find_route(request);
        LB_ASSERT(match.route == nullptr || match.allow.empty());
        (void)lb::web::to_bytes(lb::web::problem(404, request.path), request.method == "HEAD",
                                request.is_kept_alive);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    RequestReader whole;
    whole.append(bytes);
    const RequestReader::Stage stage = whole.stage();
    RequestReader pieces;
    pieces.append(bytes.substr(0, size / 2));
    pieces.append(bytes.substr(size / 2));
    // In pieces a request may be whole before more than a head comes behind it: refused, then.
    if (stage != RequestReader::Stage::kWhole)
        LB_ASSERT(pieces.stage() == stage || pieces.stage() == RequestReader::Stage::kRefused);
    read_all(whole);
    read_all(pieces);
    return 0;
}
