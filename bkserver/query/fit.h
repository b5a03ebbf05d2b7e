// Whether values fit a condition: what the operators mean. The store's filters mean the same.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bkserver/query/language/expression.h"
#include "bkserver/query/language/vocabulary.h"

namespace lb::query {

// As Operand: the number counts for words (their place), numbers, flags and times.
struct Value {
    std::string text;
    std::int64_t number = 0;
};

bool fits(const language::Condition& condition, const language::Term& term,
          std::span<const Value> values);

// The values of a JSON member for a term: of lists and objects all that they hold; of an object
// with members the one called `member` (no case).
std::vector<Value> values_of(const nlohmann::ordered_json& json, const language::Term& term,
                             std::string_view member);

}  // namespace lb::query
