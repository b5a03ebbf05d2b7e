// How OpenNebula calls a hook.
//   since 5.10, ARGUMENTS_STDIN=yes, ARGUMENTS="$TEMPLATE cloud1": one line on standard input
//   since 5.10 without it: the same words as arguments
//   before, arguments="$ID $PREV_STATE $PREV_LCM_STATE $TEMPLATE cloud1": arguments
// $TEMPLATE is the base64 of the XML; the scope, here cloud1, may be left out.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "logd/opennebula/document.h"

namespace lb::opennebula {

struct HookCall {
    std::string scope;
    Documents documents;
};

std::vector<std::string> words_of(std::string_view line);
// kReject: the words are not as above.
Result<HookCall> parse_call(std::span<const std::string> words);

}  // namespace lb::opennebula
