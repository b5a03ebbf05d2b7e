#include "common/base/pattern.h"

namespace lb {

bool matches_pattern(std::string_view pattern, std::string_view text, QuestionMark mark) {
    // Greedy match with one point to come back to: the last star and where it began to match.
    std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
    const auto fits_here = [&] {
        return p < pattern.size() &&
               (pattern[p] == text[t] || (pattern[p] == '?' && mark == QuestionMark::kAnyByte));
    };
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (fits_here()) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace lb
