// Questions to the server and the rows of their answers.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "bkserver/cli/command_line.h"
#include "lb/v1/wire.pb.h"

namespace lb::cli {

using OnRow = std::function<void(const Json&)>;

// Hands every row of the answer to `on_row`; returns the cursor for more.
Result<std::string> ask(net::Client& client, const lb::v1::Request& request, const OnRow& on_row);
// The same over a connection of its own; what takes long says so.
Result<std::string> ask(Context& context, const lb::v1::Request& request, const OnRow& on_row);

// For an answer: as long as --timeout says; `on_wait` is called about every second meanwhile.
net::Patience patience_of(const Context& context, std::function<void()> on_wait);
// The same for work of the server that may take hours.
net::Patience patience_for_hours(std::function<void()> on_wait);
Result<std::string> ask(net::Client& client, const lb::v1::Request& request, const OnRow& on_row,
                        const net::Patience& patience);

// Work of the server that may take hours: says how long it has taken, and what to do
// instead of waiting.
Status ask_patiently(Context& context, const lb::v1::Request& request, std::string_view instead,
                     const OnRow& on_row);

// A query of which all pages are asked for, up to `rows_max` rows (0: all of them). True: there are
// more. Long scans show on a terminal's error stream how far they are.
Result<bool> ask_pages(Context& context, lb::v1::QueryRequest query, std::uint32_t rows_max,
                       const OnRow& on_row);

}  // namespace lb::cli
