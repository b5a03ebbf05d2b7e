#include "bkserver/query/language/vocabulary.h"

#include <algorithm>
#include <utility>

#include "common/base/ascii.h"

namespace lb::query::language {

namespace {

// Longer names are compared no further.
constexpr std::size_t kComparedMax = 32;

// Letters to put in, take out or change.
std::size_t distance(std::string_view a, std::string_view b) {
    a = a.substr(0, kComparedMax);
    b = b.substr(0, kComparedMax);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change =
                diagonal + (to_lower(a[i - 1]) == to_lower(b[j - 1]) ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
        }
    }
    return row.back();
}

}  // namespace

std::size_t find_term(std::span<const Term> terms, std::string_view name) {
    for (std::size_t i = 0; i < terms.size(); ++i)
        if (equal_ignoring_case(terms[i].name, name)) return i;
    return terms.size();
}

std::string_view nearest_term(std::span<const Term> terms, std::string_view name) {
    std::string_view nearest;
    std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
    for (const Term& term : terms) {
        const std::size_t far = distance(term.name, name);
        if (far >= least) continue;
        least = far;
        nearest = term.name;
    }
    return nearest;
}

}  // namespace lb::query::language
