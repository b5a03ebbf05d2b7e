// Stored events as lines of ULM, a page at a time: bounded memory however much there is.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include "bkserver/store/store.h"
#include "common/base/result.h"

namespace lb::query {

struct DumpPage {
    std::int64_t from_us = std::numeric_limits<std::int64_t>::min();  // arrived then or later
    std::int64_t to_us = std::numeric_limits<std::int64_t>::max();    // arrived before
    std::string cursor;                                               // empty: from the beginning
    std::uint32_t limit = 0;                                          // events that are looked at
};

using OnLine = std::function<void(std::string line)>;

// Lines without line ends; an event that ULM cannot say (its type is newer than this server, its
// bytes are damaged) is a line that begins with '#'. Returns the cursor for more, empty at the end.
//
// Of all subjects, in the order of arrival.
Result<std::string> dump_arrivals(store::Reader& reader, const DumpPage& page,
                                  const OnLine& on_line);
// Of one process, in the order of its keys.
Result<std::string> dump_process(store::Reader& reader, store::ProcessNumber process,
                                 const DumpPage& page, const OnLine& on_line);

}  // namespace lb::query
