// A condition of the query language for a host by any of its names.
#pragma once

#include <string>
#include <string_view>

#include "common/base/quoted.h"

namespace lb::cli {

// That the attribute names this host: a short and a full name are one host. `prefix` stands before
// the name in the attribute.
inline std::string names_host(std::string_view attribute, std::string_view host,
                              std::string_view prefix = {}) {
    const auto compare = [&](std::string_view operation, std::string_view name) {
        return std::string(attribute).append(operation) +
               lb::quoted(std::string(prefix).append(name));
    };
    // What no host's name has would be taken for a pattern.
    if (host.find_first_of("*?") != std::string_view::npos) return compare("=", host);
    const std::size_t dot = host.find('.');
    const std::string other = dot == std::string_view::npos ? compare("~", std::string(host) + ".*")
                                                            : compare("=", host.substr(0, dot));
    return "(" + compare("=", host) + " or " + other + ")";
}

}  // namespace lb::cli
