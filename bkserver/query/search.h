// Queries over all processes and events: pages with cursors, counts, groups. What a query says is
// in language/LANGUAGE.md; the forms of the rows are in JSON.md.
//
// A page is found by the store's columns; what they cannot tell is decided over the status of each
// row, of at most kScannedRowsMax rows a page. A page may so be short, even empty, and still have a
// cursor: there is more behind it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bkserver/authz/policy.h"
#include "bkserver/query/forms.h"
#include "bkserver/store/store.h"
#include "common/base/result.h"
#include "lb/v1/query.pb.h"

namespace lb::query {

inline constexpr std::uint32_t kPageRowsDefault = 100;
inline constexpr std::uint32_t kPageRowsMax = 1000;
inline constexpr std::uint32_t kScannedRowsMax = 20'000;
// A count over statuses looks at so many and says "truncated".
inline constexpr std::uint32_t kCountedRowsMax = 200'000;

// Whose question it is, and what answers it; all outlive the call.
struct SearchContext {
    store::Reader& reader;
    const authz::Policy& policy;
    const lb::v1::Identity& asker;
    std::int64_t now_us = 0;
};

using OnRow = std::function<void(const Row&)>;

// Each hands rows out and returns the cursor of the next page; empty: no more.
Result<std::string> search_processes(const SearchContext& context, const lb::v1::QueryRequest& ask,
                                     const OnRow& on_row);
Result<std::string> search_events(const SearchContext& context, const lb::v1::QueryRequest& ask,
                                  const OnRow& on_row);
// {"count": n}, or by `ask.by` a row for each value, the most frequent first.
Status count_processes(const SearchContext& context, const lb::v1::QueryRequest& ask,
                       const OnRow& on_row);
Status count_events(const SearchContext& context, const lb::v1::QueryRequest& ask,
                    const OnRow& on_row);
// The names that queries may use: {"name", "kind", "values", "help", "indexed"}.
void list_terms(bool of_events, const OnRow& on_row);

}  // namespace lb::query
