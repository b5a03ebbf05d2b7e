// Indices in the words of queries.
#pragma once

#include "bkserver/query/search.h"

namespace lb::query {

// Rows: {"name", "terms", "own"}.
Status list_indices(store::Reader& reader, const OnRow& on_row);
// The name of the new index. kReject: an attribute that no column holds.
Result<std::string> add_index(store::Reader& reader, const lb::v1::IndexRequest& ask);

}  // namespace lb::query
