// Patterns as people write them in policies and queries: '*' stands for any text.
#pragma once

#include <string_view>

namespace lb {

// What '?' stands for: itself, as in names that may hold one, or any one byte.
enum class QuestionMark { kItself, kAnyByte };

// The whole text, byte by byte. Takes time by the product of the lengths at the most.
bool matches_pattern(std::string_view pattern, std::string_view text,
                     QuestionMark mark = QuestionMark::kItself);

}  // namespace lb
