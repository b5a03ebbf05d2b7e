#include "common/config/nearest.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace lb::config {

namespace {

// Letters to insert, remove or change to come from `a` to `b`.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0]++;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, changed});
        }
    }
    return row.back();
}

}  // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> words) {
    std::string_view best;
    std::size_t best_distance = word.size() / 3 + 1;
    for (const std::string_view candidate : words) {
        const std::size_t found = distance(word, candidate);
        if (found > best_distance || (found == best_distance && !best.empty())) continue;
        best = candidate;
        best_distance = found;
    }
    return best;
}

}  // namespace lb::config
