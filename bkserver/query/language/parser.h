// Reads the text of a query (LANGUAGE.md). Any bytes are safe to give: length, number of conditions
// and nesting are bounded, nothing recurses, and every refusal points at the place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "bkserver/query/language/expression.h"
#include "bkserver/query/language/vocabulary.h"
#include "common/base/result.h"

namespace lb::query::language {

inline constexpr std::size_t kQueryBytesMax = 16 * 1024;
inline constexpr std::size_t kConditionsMax = 256;
inline constexpr std::size_t kOperandsMax = 1000;  // of all conditions together
inline constexpr std::size_t kNestingMax = 64;

struct ParseContext {
    std::span<const Term> terms;
    std::int64_t now_us = 0;   // what -2h is counted from
    std::string_view me = {};  // identity that `me` stands for
};

// kReject: three lines, what is wrong at which character, the text, and a mark below the place.
Result<Expression> parse(std::string_view text, const ParseContext& context);

// The same query with all names, quotes and parentheses; parse() reads it as it was.
std::string to_text(const Expression& expression, std::span<const Term> terms);

}  // namespace lb::query::language
