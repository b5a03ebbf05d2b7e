// XML-RPC as OpenNebula speaks it: calls with texts and numbers, answers of the form (success,
// result or reason, ...). Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/result.h"

namespace lb::opennebula_agent {

using Parameter = std::variant<std::string, int>;

// The body of the request.
std::string write_call(std::string_view method, std::span<const Parameter> parameters);

// The result: a text, or a number in digits. kNotFound: there is no such thing (any more); kDenied:
// this user may not; kReject: another refusal, a fault, or no answer of XML-RPC.
Result<std::string> parse_answer(std::string_view body);

}  // namespace lb::opennebula_agent
