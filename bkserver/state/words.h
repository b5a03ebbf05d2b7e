// Rows in words, for documentation and explanations.
#pragma once

#include <string>

#include "bkserver/state/row.h"

namespace lb::state {

std::string event_word(event::EventType type);  // "VMStop"
std::string sources_words(Sources sources);     // "CloudManager or VMManager", "any source"
std::string when_words(const When& when);       // "status_code=OK, no reason"; empty: always
std::string value_words(const Value& value);    // "image", "'true'"
std::string_view merge_word(Merge merge);       // "newest"

}  // namespace lb::state
