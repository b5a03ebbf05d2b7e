// A query as far as the store can answer it.
#pragma once

#include "bkserver/query/language/expression.h"
#include "bkserver/query/vocabulary.h"
#include "bkserver/store/filter.h"

namespace lb::query {

struct Compiled {
    store::Filter filter;   // fits whatever the query fits, and perhaps more
    bool is_exact = false;  // fits nothing else: what the store finds need not be looked at again
};

Compiled compile(const language::Expression& expression, const Domain& domain);

}  // namespace lb::query
