#include "bkserver/web/http.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <sstream>

namespace lb::web {

namespace {

namespace http = boost::beast::http;

HttpAnswer page(unsigned status, std::string body) {
    return {.status = status, .body = std::move(body) + "\n"};
}

}  // namespace

Result<std::optional<HttpRequest>> parse_request(std::string_view bytes) {
    http::request_parser<http::empty_body> parser;
    parser.header_limit(kRequestBytesMax);
    boost::system::error_code problem;
    parser.put(boost::asio::buffer(bytes.data(), bytes.size()), problem);
    if (problem == http::error::need_more) {
        if (bytes.size() >= kRequestBytesMax)
            return Error{ErrorCode::kFull, "the request is longer than 16 KiB"};
        return std::optional<HttpRequest>();
    }
    if (problem == http::error::header_limit)
        return Error{ErrorCode::kFull, "the request is longer than 16 KiB"};
    if (problem)
        return Error{ErrorCode::kReject, "no HTTP/1.1 request for GET: " + problem.message()};
    const auto& request = parser.get();
    const std::string_view target(request.target().data(), request.target().size());
    HttpRequest parsed;
    parsed.method = std::string(request.method_string());
    parsed.path = std::string(target.substr(0, target.find('?')));
    return std::optional<HttpRequest>(std::move(parsed));
}

HttpAnswer answer(const HttpRequest& request, const Probes& probes, bool may_see_metrics) {
    if (request.method != "GET" && request.method != "HEAD")
        return page(405, "GET and HEAD are what this server understands");
    if (request.path == "/health") return page(200, "alive");
    if (request.path == "/ready")
        return probes.is_ready() ? page(200, "ready")
                                 : page(503, "the database does not answer; events wait");
    if (request.path == "/metrics") {
        if (!may_see_metrics)
            return page(403,
                        "metrics are for administrators: show a certificate that the policy "
                        "gives the role admin");
        return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
                .body = probes.metrics()};
    }
    return page(404, "there is no " + request.path +
                         " here; /health, /ready and /metrics are, and lbctl asks the rest");
}

HttpAnswer refusal(const Error& error) {
    return page(error.code == ErrorCode::kFull ? 431 : 400, error.text);
}

std::string to_bytes(const HttpAnswer& answer, bool is_head) {
    http::response<http::string_body> response(static_cast<http::status>(answer.status), 11);
    response.set(http::field::server, "lb-bkserver");
    response.set(http::field::content_type, answer.content_type);
    response.set(http::field::cache_control, "no-store");
    response.set(http::field::connection, "close");
    response.body() = answer.body;
    response.prepare_payload();
    if (is_head) response.body().clear();
    std::ostringstream out;
    if (is_head) {
        out << response.base();
        return out.str();
    }
    out << response;
    return out.str();
}

}  // namespace lb::web
