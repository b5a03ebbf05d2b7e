#include "bkserver/web/http.h"

#include <algorithm>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/base/json_line.h"

namespace lb::web {

namespace {

namespace http = boost::beast::http;

const std::string* find(const std::vector<Pair>& pairs, std::string_view name) {
    const auto found = std::find_if(pairs.begin(), pairs.end(),
                                    [&](const Pair& pair) { return pair.first == name; });
    return found == pairs.end() ? nullptr : &found->second;
}

void set_common(http::fields& fields, std::string_view content_type) {
    fields.set(http::field::server, "lb-bkserver");
    fields.set(http::field::content_type, {content_type.data(), content_type.size()});
    fields.set(http::field::cache_control, "no-store");
    fields.set("X-Content-Type-Options", "nosniff");
    fields.set("Content-Security-Policy",
               "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
}

}  // namespace

const std::string* HttpRequest::header(std::string_view name) const {
    return find(headers, name);
}

const std::string* HttpRequest::parameter(std::string_view name) const {
    return find(query, name);
}

unsigned status_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::kOk:
            return 200;
        case ErrorCode::kRetry:
        case ErrorCode::kTimeout:
            return 503;
        case ErrorCode::kReject:
            return 400;
        case ErrorCode::kDenied:
            return 403;
        case ErrorCode::kNotFound:
            return 404;
        case ErrorCode::kConflict:
            return 409;
        case ErrorCode::kFull:
            return 413;
        case ErrorCode::kUnsupported:
            return 501;
        case ErrorCode::kCorrupt:
        case ErrorCode::kBug:
            return 500;
    }
    return 500;
}

HttpAnswer problem(unsigned status, std::string_view detail) {
    const auto reason = http::obsolete_reason(static_cast<http::status>(status));
    const nlohmann::ordered_json body = {{"type", "about:blank"},
                                         {"title", std::string(reason.data(), reason.size())},
                                         {"status", status},
                                         {"detail", detail}};
    HttpAnswer answer{.status = status, .content_type = "application/problem+json", .body = {}};
    answer.body = json_line(body) + "\n";
    if (status == 401) answer.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"lb\"");
    if (status == 503) answer.headers.emplace_back("Retry-After", "5");
    return answer;
}

HttpAnswer problem(const Error& error) {
    return problem(status_of(error.code), error.text);
}

std::string to_bytes(const HttpAnswer& answer, bool is_head, bool is_kept_alive) {
    http::response<http::string_body> response(static_cast<http::status>(answer.status), 11);
    set_common(response, answer.content_type);
    response.keep_alive(is_kept_alive);
    if (!is_kept_alive) response.set(http::field::connection, "close");
    for (const auto& [name, value] : answer.headers) response.set(name, value);
    response.body() = answer.body;
    // Not modified and no content: nothing follows the head, whatever the length would be.
    if (answer.status != 304 && answer.status != 204) response.prepare_payload();
    std::ostringstream out;
    out << response.base();
    if (!is_head && answer.status != 304 && answer.status != 204) out << answer.body;
    return out.str();
}

std::string stream_head(std::string_view content_type) {
    http::response<http::empty_body> response(http::status::ok, 11);
    set_common(response, content_type);
    response.set(http::field::connection, "close");
    std::ostringstream out;
    out << response.base();
    return out.str();
}

}  // namespace lb::web
