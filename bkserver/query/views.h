// Statuses and rows of lists as those see them who may not see everything (authz::View).
#pragma once

#include <string_view>

#include "bkserver/authz/reading.h"
#include "bkserver/query/forms.h"

namespace lb::query {

// Takes away, or makes a pseudonym of, what `view` does not show. `salt` makes pseudonyms of one
// server comparable with each other and with nothing else.
void restrict_row(Row& row, authz::View view, std::string_view salt);

// Whether a filter by this member of a list tells nothing that `view` does not show.
bool may_filter_by(std::string_view member, authz::View view);

}  // namespace lb::query
