#include "bkserver/query/compile.h"

#include <optional>

#include "bkserver/query/fit.h"
#include "bkserver/state/engine.h"
#include "common/event/table.h"

namespace lb::query {

namespace {

using language::Condition;
using language::Kind;
using language::Operator;
using language::Term;
using store::Clause;
using store::Column;
using store::Filter;
using store::Match;
using Step = Filter::Step;

// What is known of a part of the query: a filter that lets all pass that fits it, or nothing.
struct Part {
    std::optional<Filter> filter;
    bool is_exact = false;
};

Part exactly(Clause clause) {
    return {Filter{{std::move(clause)}, {Step::kClause}}, true};
}

Part joined(Part left, Part right, Step step) {
    const bool is_exact = left.is_exact && right.is_exact;
    if (!left.filter || !right.filter) {
        // Of two that must both hold, one alone still lets all pass that fits.
        if (step == Step::kAnd && left.filter) return {std::move(left.filter), false};
        if (step == Step::kAnd && right.filter) return {std::move(right.filter), false};
        return {};
    }
    Filter& filter = *left.filter;
    filter.clauses.insert(filter.clauses.end(), right.filter->clauses.begin(),
                          right.filter->clauses.end());
    filter.steps.insert(filter.steps.end(), right.filter->steps.begin(), right.filter->steps.end());
    filter.steps.push_back(step);
    return {std::move(left.filter), is_exact};
}

Part negated(Part part) {
    if (!part.is_exact) return {};
    part.filter->steps.push_back(Step::kNot);
    return part;
}

bool is_negative(Operator op) {
    return op == Operator::kUnequal || op == Operator::kUnlike;
}

// The store's number of a word.
std::int64_t number_of_word(Column column, const std::string& word) {
    if (column == Column::kType) return state::process_type_from_word(word);
    const event::TypeInfo* const type = event::find_type(word);
    return type == nullptr ? -1 : type->code;
}

// Words are few: all that fit are named.
Part part_of_words(const Condition& condition, const Term& term, Column column) {
    Clause clause = {column};
    for (std::size_t i = 0; i < term.words.size(); ++i) {
        const Value value = {term.words[i], static_cast<std::int64_t>(i)};
        if (!fits(condition, term, std::span(&value, 1))) continue;
        if (store::holds_text(column))
            clause.texts.push_back(term.words[i]);
        else
            clause.numbers.push_back(number_of_word(column, term.words[i]));
    }
    // What has no word at all is unlike all of them.
    if (is_negative(condition.op)) {
        Condition opposite = condition;
        opposite.op = condition.op == Operator::kUnequal ? Operator::kEqual : Operator::kLike;
        return negated(part_of_words(opposite, term, column));
    }
    return exactly(std::move(clause));
}

Part part_of_texts(const Condition& condition, Column column) {
    Clause clause = {column};
    for (const auto& operand : condition.operands) clause.texts.push_back(operand.text);
    switch (condition.op) {
        case Operator::kEqual:
        case Operator::kIn:
            return exactly(std::move(clause));
        case Operator::kUnequal:
            return negated(exactly(std::move(clause)));
        case Operator::kLike:
        case Operator::kUnlike:
            // The empty pattern fits the empty text alone.
            if (!clause.texts.at(0).empty()) clause.match = Match::kPattern;
            if (condition.op == Operator::kUnlike) return negated(exactly(std::move(clause)));
            return exactly(std::move(clause));
        case Operator::kPresent:
            if (column == Column::kName) return {};
            clause.texts = {""};
            return negated(exactly(std::move(clause)));
        case Operator::kLess:
        case Operator::kAtMost:
        case Operator::kGreater:
        case Operator::kAtLeast:
        case Operator::kWithin:
            break;
    }
    return {};
}

Part at_least(Column column, std::int64_t number) {
    return exactly({column, Match::kAtLeast, {}, {number}});
}

Part at_most(Column column, std::int64_t number) {
    return exactly({column, Match::kAtMost, {}, {number}});
}

// A time of 0 is none.
Part with_value(Part part, Column column) {
    return joined(std::move(part), negated(exactly({column, Match::kOneOf, {}, {0}})), Step::kAnd);
}

Part part_of_times(const Condition& condition, Column column) {
    const auto number = [&](std::size_t i) { return condition.operands.at(i).number; };
    switch (condition.op) {
        case Operator::kEqual:
        case Operator::kIn:
        case Operator::kUnequal: {
            Clause clause = {column};
            for (const auto& operand : condition.operands) clause.numbers.push_back(operand.number);
            Part part = exactly(std::move(clause));
            return condition.op == Operator::kUnequal ? negated(std::move(part))
                                                      : with_value(std::move(part), column);
        }
        case Operator::kLess:
            return with_value(at_most(column, number(0) - 1), column);
        case Operator::kAtMost:
            return with_value(at_most(column, number(0)), column);
        case Operator::kGreater:
            return with_value(at_least(column, number(0) + 1), column);
        case Operator::kAtLeast:
            return with_value(at_least(column, number(0)), column);
        case Operator::kWithin:
            return with_value(
                joined(at_least(column, number(0)), at_most(column, number(1)), Step::kAnd),
                column);
        case Operator::kPresent:
            return negated(exactly({column, Match::kOneOf, {}, {0}}));
        case Operator::kLike:
        case Operator::kUnlike:
            break;
    }
    return {};
}

Part part_of_flag(const Condition& condition, Column column) {
    const bool is_wanted =
        condition.op == Operator::kPresent ||
        (condition.operands.at(0).number == 1) == (condition.op != Operator::kUnequal);
    if (condition.op == Operator::kIn) return {};
    return exactly({column, Match::kOneOf, {}, {is_wanted ? 1 : 0}});
}

Part part_of(const Condition& condition, const Domain& domain) {
    const Term& term = domain.terms[condition.term];
    const auto& column = domain.sources[condition.term].column;
    if (!column) return {};
    switch (term.kind) {
        case Kind::kWord:
            return part_of_words(condition, term, *column);
        case Kind::kText:
        case Kind::kIdentity:
            return part_of_texts(condition, *column);
        case Kind::kTime:
            return part_of_times(condition, *column);
        case Kind::kFlag:
            return part_of_flag(condition, *column);
        case Kind::kInteger:
            break;
    }
    return {};
}

Step step_of(language::Step::Kind kind) {
    return kind == language::Step::Kind::kAnd ? Step::kAnd : Step::kOr;
}

}  // namespace

Compiled compile(const language::Expression& expression, const Domain& domain) {
    if (expression.steps.empty()) return {{}, true};
    std::vector<Part> stack;
    for (const language::Step& step : expression.steps) {
        if (step.kind == language::Step::Kind::kCondition) {
            stack.push_back(part_of(expression.conditions[step.condition], domain));
        } else if (step.kind == language::Step::Kind::kNot) {
            stack.back() = negated(std::move(stack.back()));
        } else {
            Part right = std::move(stack.back());
            stack.pop_back();
            stack.back() = joined(std::move(stack.back()), std::move(right), step_of(step.kind));
        }
    }
    Part& whole = stack.back();
    if (!whole.filter) return {};
    return {std::move(*whole.filter), whole.is_exact};
}

}  // namespace lb::query
