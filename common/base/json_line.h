#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace lb {

// One line of JSON. Bytes that are no UTF-8 show as U+FFFD; the library's own dump() would throw,
// and texts of events and errors may hold whatever somebody sent.
template <class Json>
std::string json_line(const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lb
