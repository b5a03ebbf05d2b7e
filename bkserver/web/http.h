// HTTP/1.1 as the server speaks it: a request that was read, an answer to write. The bytes come
// from strangers: request_reader.h bounds and checks them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace lb::web {

// A name with its value: headers with names in lower case, members of a query.
using Pair = std::pair<std::string, std::string>;

struct HttpRequest {
    std::string method;
    std::string path;                   // as it came, without the query
    std::vector<std::string> segments;  // of the path, decoded
    std::vector<Pair> query;            // decoded; a name without "=" has an empty value
    std::vector<Pair> headers;
    std::string body;
    bool is_kept_alive = false;  // the client would send another request on this connection

    // Null when there is none.
    [[nodiscard]] const std::string* header(std::string_view name) const;
    [[nodiscard]] const std::string* parameter(std::string_view name) const;
};

struct HttpAnswer {
    unsigned status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
    std::vector<Pair> headers = {};  // beside those that every answer has
};

// What is wrong with a request, before anybody looked at what it asks for.
struct Refusal {
    unsigned status = 400;
    std::string text;
};

// problem+json (RFC 9457). `detail` says what is wrong and what to do.
HttpAnswer problem(unsigned status, std::string_view detail);
// The same for an error of a room inside, by its class.
HttpAnswer problem(const Error& error);
// The status that fits the class of an error.
unsigned status_of(ErrorCode code);

// The bytes to send. `is_head` leaves the body out; unless `is_kept_alive` the connection closes.
std::string to_bytes(const HttpAnswer& answer, bool is_head, bool is_kept_alive);
// The head of an answer whose body is what follows until the connection closes.
std::string stream_head(std::string_view content_type);

}  // namespace lb::web
