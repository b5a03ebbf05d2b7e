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

// As the environment says.
client::ProducerOptions producer_options();

struct Options {
    Act act = Act::kLog;
    client::ProducerOptions producer = producer_options();
    std::string subject;  // process id or key
    event::Event event;
    bool is_sync = false;
    bool has_sequence_code = false;    // the event carries one, and the next one is printed
    bool increments_first = true;      // the own counter of the code, before logging
    std::size_t reason_bytes_min = 0;  // the field "reason" is filled up to this
    bool is_quiet = false;
};

// kReject names the option and what would be right.
Result<Options> parse_options(const std::vector<std::string_view>& arguments);

std::string help_text();
std::string types_text();
std::string type_help_text(const event::TypeInfo& type);

}  // namespace lb::logevent
