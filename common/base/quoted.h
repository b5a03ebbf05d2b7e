// Texts in double quotes, as configurations and queries read them.
#pragma once

#include <string>
#include <string_view>

namespace lb {

// A backslash goes before each quote and backslash inside.
inline std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

}  // namespace lb
