// Job descriptions of users: refused, or read into an object that JSON can hold.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "bkserver/query/classad.h"
#include "common/base/assert.h"
#include "common/base/json_line.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto ad = lb::query::parse_classad({reinterpret_cast<const char*>(data), size});
    if (ad.ok()) LB_ASSERT(ad->is_object() && !lb::json_line(*ad).empty());
    return 0;
}
