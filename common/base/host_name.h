// Host names as people and programs write them.
#pragma once

#include <string_view>

#include "common/base/ascii.h"

namespace lb {

// Short and full names of a host are one host; case does not count. Only a name without any dot is
// short for another one.
constexpr bool is_same_host(std::string_view a, std::string_view b) {
    if (a.empty() || b.empty()) return false;
    if (equal_ignoring_case(a, b)) return true;
    const std::string_view longer = a.size() > b.size() ? a : b;
    const std::string_view shorter = a.size() > b.size() ? b : a;
    return shorter.find('.') == std::string_view::npos && longer.size() > shorter.size() &&
           longer[shorter.size()] == '.' &&
           equal_ignoring_case(longer.substr(0, shorter.size()), shorter);
}

// Of letters, digits, "-" and ".".
constexpr bool is_host_name(std::string_view text) {
    for (const char c : text) {
        const char lower = to_lower(c);
        if ((lower < 'a' || lower > 'z') && (c < '0' || c > '9') && c != '-' && c != '.')
            return false;
    }
    return !text.empty();
}

}  // namespace lb
