#include "bkserver/query/language/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "bkserver/query/language/lexer.h"
#include "bkserver/query/language/operand.h"
#include "common/base/quoted.h"
#include "common/event/moment.h"
#include "common/event/time_text.h"

namespace lb::query::language {

namespace {

struct SignRow {
    std::string_view sign;
    Operator op;
};
// The first spelling of an operator is how it is printed.
constexpr SignRow kSigns[] = {
    {"=", Operator::kEqual},    {"==", Operator::kEqual},   {"!=", Operator::kUnequal},
    {"<>", Operator::kUnequal}, {"<", Operator::kLess},     {"<=", Operator::kAtMost},
    {">", Operator::kGreater},  {">=", Operator::kAtLeast}, {"~", Operator::kLike},
    {"!~", Operator::kUnlike},  {"in", Operator::kIn},      {"within", Operator::kWithin},
};

std::optional<Operator> operator_of(const Token& token) {
    for (const SignRow& row : kSigns)
        if (token.is_sign(row.sign) || token.is_keyword(row.sign)) return row.op;
    return {};
}

bool is_pattern(Operator op) {
    return op == Operator::kLike || op == Operator::kUnlike;
}

bool orders(Operator op) {
    return op == Operator::kLess || op == Operator::kAtMost || op == Operator::kGreater ||
           op == Operator::kAtLeast || op == Operator::kWithin;
}

// Why the operator makes no sense of such values; empty when it does.
std::string objection(const Term& term, Operator op) {
    if (is_pattern(op) && term.kind != Kind::kText && term.kind != Kind::kIdentity &&
        term.kind != Kind::kWord)
        return fmt::format("{} has no text that a pattern could fit", term.name);
    if (orders(op) && term.kind == Kind::kFlag)
        return fmt::format("{} is true or false: ask with = or !=", term.name);
    return {};
}

// Shunting-yard: conditions go out as they come, connectives wait on a stack of bounded depth.
class Parser {
  public:
    Parser(std::string_view text, const ParseContext& context)
        : text_(text), context_(context), lexer_(text) {}

    Result<Expression> run() {
        LB_TRY(advance());
        if (token_.kind == Token::Kind::kEnd) return std::move(expression_);
        for (;;) {
            LB_TRY(read_until_condition());
            LB_TRY(read_condition());
            LB_TRY(read_closings());
            if (token_.kind == Token::Kind::kEnd) break;
            LB_TRY(read_connective());
        }
        while (!waiting_.empty()) {
            if (waiting_.back().what == Waiting::What::kOpen)
                return error_at(text_, waiting_.back().at, "this parenthesis is not closed");
            put_out();
        }
        return std::move(expression_);
    }

  private:
    struct Waiting {
        enum class What : std::uint8_t {
            kOpen,
            kOr,
            kAnd,
            kNot
        };  // the later, the closer it binds
        What what;
        std::size_t at;
    };

    Error here(std::string_view what) const { return error_at(text_, token_.at, what); }

    Status advance() {
        LB_TRY_ASSIGN(token_, lexer_.next());
        return {};
    }

    Status wait(Waiting::What what) {
        if (waiting_.size() == kNestingMax)
            return here(fmt::format("more than {} levels of nesting", kNestingMax));
        waiting_.push_back({what, token_.at});
        return advance();
    }

    void put_out() {
        constexpr Step::Kind kKinds[] = {Step::Kind::kCondition, Step::Kind::kOr, Step::Kind::kAnd,
                                         Step::Kind::kNot};
        expression_.steps.push_back({kKinds[static_cast<std::size_t>(waiting_.back().what)], 0});
        waiting_.pop_back();
    }

    Status read_until_condition() {
        for (;;) {
            if (token_.is_keyword("not") || token_.is_sign("!"))
                LB_TRY(wait(Waiting::What::kNot));
            else if (token_.is_sign("("))
                LB_TRY(wait(Waiting::What::kOpen));
            else
                return {};
        }
    }

    Status read_closings() {
        while (token_.is_sign(")")) {
            while (!waiting_.empty() && waiting_.back().what != Waiting::What::kOpen) put_out();
            if (waiting_.empty()) return here("this parenthesis was never opened");
            waiting_.pop_back();
            LB_TRY(advance());
        }
        return {};
    }

    Status read_connective() {
        const bool is_and = token_.is_keyword("and");
        if (!is_and && !token_.is_keyword("or")) return here("'and' or 'or' must stand here");
        const Waiting::What what = is_and ? Waiting::What::kAnd : Waiting::What::kOr;
        while (!waiting_.empty() && waiting_.back().what >= what) put_out();
        return wait(what);
    }

    Status read_condition() {
        if (token_.kind != Token::Kind::kWord)
            return here(token_.kind == Token::Kind::kEnd ? "a condition is missing at the end"
                                                         : "an attribute's name must stand here");
        if (expression_.conditions.size() == kConditionsMax)
            return here(fmt::format("more than {} conditions", kConditionsMax));
        Condition condition;
        LB_TRY(read_term(condition));
        const Term& term = context_.terms[condition.term];
        LB_TRY(advance());
        const auto op = operator_of(token_);
        condition.op = op.value_or(Operator::kPresent);
        if (op) {
            if (const std::string why = objection(term, *op); !why.empty()) return here(why);
            LB_TRY(advance());
            LB_TRY(read_operands(term, condition));
        }
        expression_.steps.push_back({Step::Kind::kCondition, expression_.conditions.size()});
        expression_.conditions.push_back(std::move(condition));
        return {};
    }

    Status read_term(Condition& condition) {
        const std::string& name = token_.text;
        find_term_and_member(condition);
        if (condition.term == context_.terms.size()) {
            const std::string_view nearest = nearest_term(context_.terms, name);
            return here(
                nearest.empty()
                    ? fmt::format("there is no attribute '{}'", name)
                    : fmt::format("there is no attribute '{}'; did you mean '{}'?", name, nearest));
        }
        const Term& term = context_.terms[condition.term];
        if (term.has_members && condition.member.empty())
            return here(term.is_of_moments
                            ? fmt::format("{} needs a time: {}.-2h", term.name, term.name)
                            : fmt::format("{} needs a name: {}.NAME", term.name, term.name));
        if (!term.has_members && !condition.member.empty())
            return here(fmt::format("{} has no parts", term.name));
        return term.is_of_moments ? read_moment(condition) : Status();
    }

    // A whole name first: names of terms may have dots themselves. Then what stands before the
    // first dot that ends the name of a term with members; else before the first dot of all.
    void find_term_and_member(Condition& condition) const {
        const std::string& name = token_.text;
        condition.term = find_term(context_.terms, name);
        if (condition.term != context_.terms.size()) return;
        const std::size_t first = name.find('.');
        for (std::size_t dot = first; dot != std::string::npos; dot = name.find('.', dot + 1)) {
            const std::size_t term = find_term(context_.terms, name.substr(0, dot));
            const bool has_members =
                term != context_.terms.size() && context_.terms[term].has_members;
            if (!has_members && dot != first) continue;
            condition.term = term;
            condition.member = name.substr(dot + 1);
            if (has_members) return;
        }
    }

    // From the time of the first page on it is the same moment in all of them.
    Status read_moment(Condition& condition) const {
        const auto moment = event::moment_from_text(condition.member, context_.now_us);
        if (!moment.ok()) return here(moment.error().text);
        condition.moment_us = *moment;
        condition.member = event::time_to_text(*moment);
        return {};
    }

    Status read_operands(const Term& term, Condition& condition) {
        const bool is_list = condition.op == Operator::kIn || condition.op == Operator::kWithin;
        if (!is_list) return read_operand_into(term, condition);
        if (!token_.is_sign("(")) return here("a list (a, b, ...) must stand here");
        const std::size_t begin = token_.at;
        do {
            LB_TRY(advance());
            LB_TRY(read_operand_into(term, condition));
        } while (token_.is_sign(","));
        if (!token_.is_sign(")")) return here("',' or ')' must stand here");
        if (condition.op == Operator::kWithin && condition.operands.size() != 2)
            return error_at(text_, begin, "within takes two values: (first, last)");
        return advance();
    }

    Status read_operand_into(const Term& term, Condition& condition) {
        if (token_.kind != Token::Kind::kWord && token_.kind != Token::Kind::kQuoted)
            return here(
                fmt::format("a value of {} must stand here; quote one that has blanks or "
                            "any of ()=<>!~,",
                            term.name));
        if (++operands_ > kOperandsMax)
            return here(fmt::format("more than {} values", kOperandsMax));
        // A pattern is text, whatever the term's own values are.
        if (is_pattern(condition.op)) {
            condition.operands.push_back({token_.text, 0});
        } else {
            auto operand = read_operand(token_, term, context_);
            if (!operand.ok()) return here(operand.error().text);
            condition.operands.push_back(std::move(*operand));
        }
        return advance();
    }

    const std::string_view text_;
    const ParseContext& context_;
    Lexer lexer_;
    Token token_;
    Expression expression_;
    std::vector<Waiting> waiting_;
    std::size_t operands_ = 0;
};

std::string text_of(const Condition& condition, std::span<const Term> terms) {
    std::string text = terms[condition.term].name;
    if (!condition.member.empty()) text += "." + condition.member;
    if (condition.op == Operator::kPresent) return text;
    text += " " + std::string(to_string(condition.op)) + " ";
    const bool is_list = condition.op == Operator::kIn || condition.op == Operator::kWithin;
    if (!is_list) return text + quoted(condition.operands.front().text);
    for (std::size_t i = 0; i < condition.operands.size(); ++i)
        text += (i == 0 ? "(" : ", ") + quoted(condition.operands[i].text);
    return text + ")";
}

}  // namespace

std::string_view to_string(Operator op) {
    for (const SignRow& row : kSigns)
        if (row.op == op) return row.sign;
    return {};
}

Result<Expression> parse(std::string_view text, const ParseContext& context) {
    if (text.size() > kQueryBytesMax)
        return Error{ErrorCode::kReject, fmt::format("the query has {} bytes, more than {}",
                                                     text.size(), kQueryBytesMax)};
    return Parser(text, context).run();
}

std::string to_text(const Expression& expression, std::span<const Term> terms) {
    struct Part {
        std::string text;
        Step::Kind kind;
    };
    // Parentheses only where a reader would need them: printing nests no deeper than what was read.
    const auto inside = [](const Part& part, Step::Kind outer, bool is_right) {
        const bool is_looser = part.kind > outer || (is_right && part.kind == outer);
        return is_looser ? "(" + part.text + ")" : part.text;
    };
    std::vector<Part> stack;
    for (const Step& step : expression.steps) {
        if (step.kind == Step::Kind::kCondition) {
            stack.push_back({text_of(expression.conditions[step.condition], terms), step.kind});
        } else if (step.kind == Step::Kind::kNot) {
            stack.back() = {"not " + inside(stack.back(), step.kind, false), step.kind};
        } else {
            const std::string right = inside(stack.back(), step.kind, true);
            stack.pop_back();
            const char* const word = step.kind == Step::Kind::kAnd ? " and " : " or ";
            stack.back() = {inside(stack.back(), step.kind, false) + word + right, step.kind};
        }
    }
    return stack.empty() ? std::string() : std::move(stack.back().text);
}

}  // namespace lb::query::language
