// Changes of state as they are committed: what `lbctl watch` shows. Whoever asks again with the
// cursor misses none, however many servers write and however long he was away.
#pragma once

#include <string>

#include "bkserver/query/search.h"

namespace lb::query {

inline constexpr std::uint32_t kChangesRowsMax = 1000;

// Rows: {"changed", "old_state", "state", "old_vm_state", "vm_state"} and the members of a list's
// row, as the process is now; of what the asker may see. Returns the cursor of what was looked at.
Result<std::string> list_changes(const SearchContext& context, const lb::v1::ChangesRequest& ask,
                                 const OnRow& on_row);

}  // namespace lb::query
