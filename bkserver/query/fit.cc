#include "bkserver/query/fit.h"

#include <algorithm>

#include "common/base/ascii.h"
#include "common/base/json_line.h"
#include "common/base/pattern.h"
#include "common/event/time_text.h"

namespace lb::query {

namespace {

using language::Condition;
using language::Kind;
using language::Operand;
using language::Operator;
using language::Term;

bool is_text(const Term& term) {
    return term.kind == Kind::kText || term.kind == Kind::kIdentity;
}

// Less than, equal to, greater than 0.
int compare(const Term& term, const Value& value, const Operand& operand) {
    if (is_text(term)) return value.text.compare(operand.text);
    return value.number < operand.number ? -1 : value.number > operand.number ? 1 : 0;
}

bool fits_one(const Condition& condition, const Term& term, const Value& value) {
    const auto& operands = condition.operands;
    const auto against = [&](std::size_t i) { return compare(term, value, operands[i]); };
    switch (condition.op) {
        case Operator::kEqual:
        case Operator::kUnequal:
            return against(0) == 0;
        case Operator::kLess:
            return against(0) < 0;
        case Operator::kAtMost:
            return against(0) <= 0;
        case Operator::kGreater:
            return against(0) > 0;
        case Operator::kAtLeast:
            return against(0) >= 0;
        case Operator::kLike:
        case Operator::kUnlike:
            return matches_pattern(operands[0].text, value.text, QuestionMark::kAnyByte);
        case Operator::kIn:
            return std::any_of(operands.begin(), operands.end(), [&](const Operand& operand) {
                return compare(term, value, operand) == 0;
            });
        case Operator::kWithin:
            return against(0) >= 0 && against(1) <= 0;
        case Operator::kPresent:
            return term.kind != Kind::kFlag || value.number != 0;
    }
    return false;
}

// What is absent is the empty text, and no flag.
std::vector<Value> values_of_scalar(const nlohmann::ordered_json& json, const Term& term) {
    switch (term.kind) {
        case Kind::kText:
        case Kind::kIdentity:
        case Kind::kWord: {
            Value value = {json.is_string() ? json.get<std::string>() : json_line(json), 0};
            for (std::size_t i = 0; i < term.words.size(); ++i)
                if (term.words[i] == value.text) value.number = static_cast<std::int64_t>(i);
            return {std::move(value)};
        }
        case Kind::kInteger:
            if (!json.is_number_integer()) return {};
            return {{json_line(json), json.get<std::int64_t>()}};
        case Kind::kFlag:
            if (!json.is_boolean()) return {};
            return {{json_line(json), json.get<bool>() ? 1 : 0}};
        case Kind::kTime: {
            if (!json.is_string()) return {};
            const auto time = event::time_from_text(json.get_ref<const std::string&>());
            if (!time.ok()) return {};
            return {{json.get<std::string>(), *time}};
        }
    }
    return {};
}

}  // namespace

bool fits(const Condition& condition, const Term& term, std::span<const Value> values) {
    // What has no value is the empty text and an unset flag; it is in no order.
    const bool is_ordered = condition.op == Operator::kLess || condition.op == Operator::kAtMost ||
                            condition.op == Operator::kGreater ||
                            condition.op == Operator::kAtLeast ||
                            condition.op == Operator::kWithin || condition.op == Operator::kPresent;
    const Value nothing;
    if (values.empty() && !is_ordered && (is_text(term) || term.kind == Kind::kFlag))
        values = std::span(&nothing, 1);
    const bool fits_any = std::any_of(values.begin(), values.end(), [&](const Value& value) {
        return fits_one(condition, term, value);
    });
    const bool is_negative =
        condition.op == Operator::kUnequal || condition.op == Operator::kUnlike;
    return fits_any != is_negative;
}

std::vector<Value> values_of(const nlohmann::ordered_json& json, const Term& term,
                             std::string_view member) {
    if (json.is_null()) return {};
    if (!json.is_structured()) return values_of_scalar(json, term);
    std::vector<Value> values;
    const auto add = [&](const nlohmann::ordered_json& scalar) {
        if (scalar.is_structured()) return;
        for (Value& value : values_of_scalar(scalar, term)) values.push_back(std::move(value));
    };
    if (json.is_object()) {
        for (const auto& [name, value] : json.items()) {
            if (term.has_members && equal_ignoring_case(name, member)) add(value);
            if (term.has_members) continue;
            add(name);
            if (value.is_object())
                for (const auto& [inner, scalar] : value.items()) add(scalar);
        }
        return values;
    }
    for (const auto& element : json) {
        if (!element.is_object()) add(element);
        if (element.is_object())
            for (const auto& [name, value] : element.items()) add(value);
    }
    return values;
}

}  // namespace lb::query
