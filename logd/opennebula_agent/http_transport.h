// The transport of XML-RPC: HTTP or HTTPS by libcurl.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "logd/opennebula_agent/cloud.h"

namespace lb::opennebula_agent {

// An answer longer than this is refused: a page of machines is some MiB.
inline constexpr std::size_t kAnswerBytesMax = 64 * 1024 * 1024;

// Each call ends within `timeout`, or soon after `stop` is asked for. Certificates of HTTPS are
// verified against the system's authorities.
Transport http_transport(const std::string& url, std::chrono::seconds timeout,
                         std::stop_token stop);

}  // namespace lb::opennebula_agent
