// One event of a user, logged straight at the server: registrations, which the server must confirm.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/event/table.h"
#include "common/net/client.h"

namespace lb::cli {

struct DirectField {
    std::string name;
    std::string text;  // empty: absent
};

struct Speaker {
    event::Source source = event::Source::kUserInterface;
    std::string sequence_code = {};
    bool is_exclusive = false;  // of registrations: refused if there is one already
};

// The server's refusal is the error.
Status log_direct(net::Client& client, const std::string& subject, event::EventType type,
                  const std::vector<DirectField>& fields, const Speaker& speaker = {});

}  // namespace lb::cli
