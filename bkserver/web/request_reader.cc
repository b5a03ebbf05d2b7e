#include "bkserver/web/request_reader.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "bkserver/web/target.h"
#include "common/base/ascii.h"

namespace lb::web {

namespace {

namespace http = boost::beast::http;

constexpr std::string_view kEndOfHead = "\r\n\r\n";
// What must not stand twice: two readers could take two different ones.
constexpr std::array<std::string_view, 5> kOnce = {"host", "content-length", "transfer-encoding",
                                                   "authorization", "origin"};

std::string text_of(boost::beast::string_view text) {
    return {text.data(), text.size()};
}

// What Beast would repair silently: lines that go on in the next one, lone CR, LF or NUL.
bool is_clean(std::string_view head) {
    for (std::size_t i = 0; i < head.size(); ++i) {
        const char character = head[i];
        if (character == '\0') return false;
        if (character == '\n' && (i == 0 || head[i - 1] != '\r')) return false;
        if (character == '\r' && (i + 1 == head.size() || head[i + 1] != '\n')) return false;
        const bool is_new_line = i >= 2 && head[i - 1] == '\n' && head[i - 2] == '\r';
        if (is_new_line && (character == ' ' || character == '\t')) return false;
    }
    return true;
}

}  // namespace

struct RequestReader::Parser {
    Parser() {
        parser.header_limit(kHeadBytesMax);
        parser.body_limit(kBodyBytesMax);
    }
    http::request_parser<http::string_body> parser;
};

RequestReader::RequestReader() : parser_(std::make_unique<Parser>()) {}
RequestReader::~RequestReader() = default;

RequestReader::Stage RequestReader::refuse(unsigned status, std::string text) {
    refusal_ = {status, std::move(text)};
    buffer_.clear();
    return stage_ = Stage::kRefused;
}

RequestReader::Stage RequestReader::append(std::string_view bytes) {
    if (stage_ == Stage::kRefused) return stage_;
    buffer_ += bytes;
    if (stage_ == Stage::kWhole) {
        if (buffer_.size() > kHeadBytesMax)
            return refuse(400, "more was sent before this request was answered than one head");
        return stage_;
    }
    return advance();
}

RequestReader::Stage RequestReader::advance() {
    if (buffer_.empty()) return stage_;
    if (stage_ == Stage::kNothing) stage_ = Stage::kHead;
    if (stage_ == Stage::kHead) {
        const std::size_t end = buffer_.find(kEndOfHead);
        if (std::min(end, buffer_.size()) > kHeadBytesMax)
            return refuse(431, "the head of the request is longer than 16 KiB");
        if (end == std::string::npos) return stage_;
        if (!is_clean(std::string_view(buffer_).substr(0, end + kEndOfHead.size())))
            return refuse(400, "the head of the request has a folded line or a control character");
    }
    auto& parser = parser_->parser;
    if (stage_ == Stage::kHead) {
        // The head alone first: what a trailer says is no header.
        if (!feed() || !read_head() || !check_head()) return stage_;
        parser.eager(true);
        stage_ = Stage::kBody;
    }
    if (!feed() || !parser.is_done()) return stage_;
    request_.body = std::move(parser.get().body());
    return stage_ = Stage::kWhole;
}

// Hands the parser what it takes of the buffer. False when it was refused.
bool RequestReader::feed() {
    auto& parser = parser_->parser;
    const bool is_head = stage_ == Stage::kHead;
    boost::system::error_code problem;
    while (!buffer_.empty() && !parser.is_done() && !problem &&
           !(is_head && parser.is_header_done()))
        buffer_.erase(0, parser.put(boost::asio::buffer(buffer_), problem));
    if (!problem || problem == http::error::need_more) return true;
    if (problem == http::error::body_limit)
        refuse(413, "the body of the request is longer than 8 MiB: send it in parts");
    else if (problem == http::error::header_limit)
        refuse(431, "the head of the request is longer than 16 KiB");
    else
        refuse(400, "no HTTP/1.1 request: " + problem.message());
    return false;
}

bool RequestReader::read_head() {
    const auto& message = parser_->parser.get();
    const auto target = parse_target(text_of(message.target()));
    if (!target.ok()) {
        refuse(400, target.error().text);
        return false;
    }
    request_.method = text_of(message.method_string());
    request_.path = target->path;
    request_.segments = target->segments;
    request_.query = target->query;
    request_.is_kept_alive = message.keep_alive();
    for (const auto& field : message)
        request_.headers.emplace_back(lower_case(text_of(field.name_string())),
                                      text_of(field.value()));
    return true;
}

bool RequestReader::check_head() {
    const auto& message = parser_->parser.get();
    const auto count = [&](std::string_view name) {
        return std::count_if(request_.headers.begin(), request_.headers.end(),
                             [&](const Pair& header) { return header.first == name; });
    };
    if (request_.headers.size() > kHeadersMax)
        refuse(431, "the request has more than 64 headers");
    else if (message.version() != 11 && message.version() != 10)
        refuse(505, "this server speaks HTTP/1.1");
    else if (message.version() == 11 && count("host") == 0)
        refuse(400, "the request has no Host");
    else if (message.find("content-length") != message.end() && message.chunked())
        refuse(400, "the request says its length twice: Content-Length and Transfer-Encoding");
    else if (count("transfer-encoding") > 0 && !message.chunked())
        refuse(501, "of transfer encodings this server knows chunked");
    for (const std::string_view name : kOnce)
        if (count(name) > 1) refuse(400, "the request has two headers " + std::string(name));
    const bool has_body = message.chunked() || parser_->parser.content_length().value_or(0) > 0;
    if (has_body && request_.method != "POST")
        refuse(400, "only POST has a body");
    else if (request_.method == "POST" && !message.chunked() &&
             !parser_->parser.content_length().has_value())
        refuse(411, "POST needs a Content-Length");
    return stage_ != Stage::kRefused;
}

std::size_t RequestReader::body_bytes_max() const {
    const auto length = parser_->parser.content_length();
    if (length) return static_cast<std::size_t>(*length);
    return parser_->parser.chunked() ? kBodyBytesMax : 0;
}

bool RequestReader::expects_continue() const {
    const std::string* expect = request_.header("expect");
    return expect != nullptr && equal_ignoring_case(*expect, "100-continue");
}

HttpRequest RequestReader::take() {
    HttpRequest taken = std::move(request_);
    request_ = {};
    parser_ = std::make_unique<Parser>();
    stage_ = Stage::kNothing;
    advance();
    return taken;
}

}  // namespace lb::web
