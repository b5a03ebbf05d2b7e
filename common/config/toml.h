// toml++ as this project uses it: every file that reads TOML includes it here, so that all of them
// compile the same library. Its parser (3.3)
// asserts what some malformed texts break ("a =]"); here that is an exception like every other
// error of the text, in each kind of build.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace lb::config {

constexpr void toml_assert(bool holds) {
    if (!holds) throw std::runtime_error("a value is missing or malformed");
}

}  // namespace lb::config

#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_EXCEPTIONS 1
#define TOML_ASSERT(condition) ::lb::config::toml_assert(static_cast<bool>(condition))
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

namespace lb::config {

// The text as a table. kReject with file and line when it is no TOML, or has bytes outside ASCII:
// in names they lead toml++ astray, in texts "\u00e4" says the same.
inline Result<toml::table> parse_toml_table(std::string_view content, std::string_view file) {
    const auto wrong = [&](std::size_t line, std::string_view why) {
        return Error{ErrorCode::kReject, std::string(file) + ", line " + std::to_string(line) +
                                             ": " + std::string(why)};
    };
    std::size_t line = 1;
    for (const char c : content) {
        if (c == '\n') ++line;
        if (static_cast<unsigned char>(c) >= 0x80)
            return wrong(line, "a character outside ASCII; write it as \\uXXXX");
    }
    try {
        return toml::parse(content, std::string(file));
    } catch (const toml::parse_error& error) {
        return wrong(error.source().begin.line, error.description());
    } catch (const std::runtime_error& error) {
        return wrong(line, error.what());
    }
}

}  // namespace lb::config
