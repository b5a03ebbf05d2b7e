// HTTP/1.1 on the server's port: one GET or HEAD a connection, answered and closed. It serves
// probes and Prometheus; the bytes come from strangers, so everything is bounded.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace lb::web {

inline constexpr std::size_t kRequestBytesMax = 16 * 1024;

struct HttpRequest {
    std::string method;
    std::string path;  // without the query
};

struct HttpAnswer {
    unsigned status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
};

// What can be asked. Called in the connection's thread: quick.
struct Probes {
    std::function<bool()> is_ready;
    std::function<std::string()> metrics;
};

// The request at the beginning of `bytes`; nothing while it is not whole. kReject when it is none,
// kFull when it is longer than kRequestBytesMax.
Result<std::optional<HttpRequest>> parse_request(std::string_view bytes);

// /health: the process answers. /ready: so does its database. /metrics: for peers whose certificate
// allows it (`may_see_metrics`). Everything else is 404.
HttpAnswer answer(const HttpRequest& request, const Probes& probes, bool may_see_metrics);
// For a request that cannot be understood.
HttpAnswer refusal(const Error& error);

// The bytes to send; the connection closes after them. `is_head` leaves the body out.
std::string to_bytes(const HttpAnswer& answer, bool is_head);

}  // namespace lb::web
