// What stands behind an operator, read as the kind of its term demands.
#pragma once

#include <string>

#include "bkserver/query/language/expression.h"
#include "bkserver/query/language/lexer.h"
#include "bkserver/query/language/parser.h"

namespace lb::query::language {

// The error is a bare text: the caller knows the place.
Result<Operand> read_operand(const Token& token, const Term& term, const ParseContext& context);

// "Submitted, Waiting, ...": the words of a term.
std::string words_of(const Term& term);

}  // namespace lb::query::language
