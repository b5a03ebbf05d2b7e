#include "bkserver/store/filter.h"

#include <iterator>
#include <utility>

namespace lb::store {

namespace {

Filter joined(std::vector<Clause> clauses, Filter::Step step) {
    Filter filter;
    for (Clause& clause : clauses) {
        const bool is_first = filter.clauses.empty();
        filter.clauses.push_back(std::move(clause));
        filter.steps.push_back(Filter::Step::kClause);
        if (!is_first) filter.steps.push_back(step);
    }
    return filter;
}

}  // namespace

Filter Filter::all_of(std::vector<Clause> clauses) {
    return joined(std::move(clauses), Step::kAnd);
}

Filter Filter::any_of(std::vector<Clause> clauses) {
    return joined(std::move(clauses), Step::kOr);
}

Filter& Filter::narrow(Filter other) {
    const bool is_both = !steps.empty() && !other.steps.empty();
    clauses.insert(clauses.end(), std::move_iterator(other.clauses.begin()),
                   std::move_iterator(other.clauses.end()));
    steps.insert(steps.end(), other.steps.begin(), other.steps.end());
    if (is_both) steps.push_back(Step::kAnd);
    return *this;
}

}  // namespace lb::store
