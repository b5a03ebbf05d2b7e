// A connection for what the consumer's library does not offer: logging, and what administrators
// ask. All other questions go by asking.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "bkserver/cli/command_line.h"
#include "bkserver/cli/progress.h"
#include "bkserver/client/consumer.h"
#include "common/net/client.h"
#include "lb/v1/wire.pb.h"

namespace lb::cli {

consumer::Options options_of(const Settings& settings);
// Connects as the settings say.
Result<std::unique_ptr<net::Client>> connect(Context& context);

// Hands every row of the answer to `on_row`; returns the cursor for more. What takes long says so.
Result<std::string> ask(Context& context, net::Client& client, const lb::v1::Request& request,
                        const OnRow& on_row);
// The same over a connection of its own.
Result<std::string> ask(Context& context, const lb::v1::Request& request, const OnRow& on_row);

// Work of the server that may take hours.
Result<std::string> ask_for_hours(net::Client& client, const lb::v1::Request& request,
                                  Progress& progress, const OnRow& on_row);
// The same over a connection of its own: says how long it has taken, and what to do instead of
// waiting.
Status ask_for_hours(Context& context, const lb::v1::Request& request, std::string_view instead,
                     const OnRow& on_row);

}  // namespace lb::cli
