// A query as the server works with it: conditions, joined in postfix order so that whoever walks it
// needs a stack and no recursion. Made by parse() (parser.h) from the text that people write
// (LANGUAGE.md), printed by to_text().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lb::query::language {

enum class Operator : std::uint8_t {
    kEqual,
    kUnequal,
    kLess,
    kAtMost,
    kGreater,
    kAtLeast,
    kLike,     // '*' any text, '?' any one byte
    kUnlike,   // not like
    kIn,       // one of the operands
    kWithin,   // between two operands, both included
    kPresent,  // has a value; a flag: is set
};

// The operator as it is written: "<=".
std::string_view to_string(Operator op);

// `text` always; `number` also, of integers, of times (microseconds since 1970), of flags (0, 1)
// and of words (their place in Term::words).
struct Operand {
    std::string text;
    std::int64_t number = 0;

    bool operator==(const Operand&) const = default;
};

struct Condition {
    std::size_t term = 0;        // into the vocabulary
    std::string member;          // of a term with members: the name behind the dot
    std::int64_t moment_us = 0;  // of a term of moments: the member
    Operator op = Operator::kEqual;
    std::vector<Operand> operands;  // as many as the operator takes

    bool operator==(const Condition&) const = default;
};

struct Step {
    enum class Kind : std::uint8_t { kCondition, kNot, kAnd, kOr };  // the later, the looser
    Kind kind = Kind::kCondition;
    std::size_t condition = 0;  // of kCondition: which one

    bool operator==(const Step&) const = default;
};

// No steps: everything fits.
struct Expression {
    std::vector<Condition> conditions;
    std::vector<Step> steps;

    bool operator==(const Expression&) const = default;
};

// Whether the whole fits when `fits` says it of each condition.
template <typename Fits>
bool evaluate(const Expression& expression, Fits fits) {
    std::vector<bool> stack;
    for (const Step& step : expression.steps) {
        if (step.kind == Step::Kind::kCondition) {
            stack.push_back(fits(expression.conditions[step.condition]));
        } else if (step.kind == Step::Kind::kNot) {
            stack.back() = !stack.back();
        } else {
            const bool right = stack.back();
            stack.pop_back();
            stack.back() =
                step.kind == Step::Kind::kAnd ? stack.back() && right : stack.back() || right;
        }
    }
    return stack.empty() || stack.back();
}

}  // namespace lb::query::language
