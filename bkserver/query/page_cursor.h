// Where the next page of a query begins. A cursor is bound to its query, its order and the moment
// that -2h was counted from, so that pages fit each other whatever changes meanwhile.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bkserver/store/filter.h"
#include "common/base/result.h"

namespace lb::query {

struct PageCursor {
    std::int64_t now_us = 0;
    store::Place place;
};

std::string to_text(const PageCursor& cursor, std::string_view query);
// Nothing for the empty text; kReject when it is not one that to_text() made for `query`.
Result<std::optional<PageCursor>> read_cursor(std::string_view text, std::string_view query);

}  // namespace lb::query
