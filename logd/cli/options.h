// The command line of lb-logevent.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/event/event.h"
#include "logd/client/producer.h"

namespace lb::logevent {

enum class Act { kLog, kHelp, kTypeHelp, kTypes, kVersion };

struct Options {
    Act act = Act::kLog;
    client::ProducerOptions producer = client::options_from_environment();
    std::string subject;  // process id or key
    event::Event event;
    bool is_sync = false;
    bool increments_first = true;  // of the sequence code: the own counter, before logging
    bool is_quiet = false;
};

// kReject names the option and what would be right.
Result<Options> parse_options(const std::vector<std::string_view>& arguments);

// The next sequence code of `source`: its own counter one up. The text itself when it is no grid or
// PBS code, or the source has no counter there.
std::string next_sequence_code(std::string_view code, event::Source source);

std::string help_text();
std::string types_text();
std::string type_help_text(const event::TypeInfo& type);

}  // namespace lb::logevent
