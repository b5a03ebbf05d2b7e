// Requests that are good, and those that two programs could read differently.
#include "bkserver/web/request_reader.h"

#include <catch2/catch.hpp>

namespace lb::web {
namespace {

using Stage = RequestReader::Stage;

Stage stage_of(std::string_view bytes) {
    RequestReader reader;
    return reader.append(bytes);
}

unsigned status_of_refusal(std::string_view bytes) {
    RequestReader reader;
    return reader.append(bytes) == Stage::kRefused ? reader.refusal().status : 0;
}

TEST_CASE("a request is read whole, whatever pieces it comes in") {
    const std::string bytes =
        "POST /v1/events?text HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n"
        "Content-Length: 5\r\n\r\nhello";
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        RequestReader reader;
        reader.append(bytes.substr(0, cut));
        REQUIRE(reader.append(bytes.substr(cut)) == Stage::kWhole);
        const HttpRequest request = reader.take();
        CHECK(request.method == "POST");
        CHECK(request.path == "/v1/events");
        CHECK(request.parameter("text") != nullptr);
        CHECK(*request.header("authorization") == "Bearer x");
        CHECK(request.body == "hello");
        CHECK(request.is_kept_alive);
        CHECK(reader.stage() == Stage::kNothing);
    }
}

TEST_CASE("a body in chunks is one body") {
    RequestReader reader;
    REQUIRE(
        reader.append("POST /v1/events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n") == Stage::kWhole);
    CHECK(reader.take().body == "hello world");
}

TEST_CASE("what a trailer says is no header") {
    RequestReader reader;
    reader.append(
        "POST /v1/events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\nAuthorization: Bearer x\r\n\r\n");
    CHECK(reader.head().header("authorization") == nullptr);
}

TEST_CASE("the head is there before the body") {
    RequestReader reader;
    REQUIRE(reader.append("POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n"
                          "Expect: 100-continue\r\n\r\n") == Stage::kBody);
    CHECK(reader.head().path == "/v1/events");
    CHECK(reader.expects_continue());
    CHECK(reader.body_bytes_max() == 1000);
}

TEST_CASE("a request that came with another one is the next") {
    RequestReader reader;
    REQUIRE(reader.append("GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
                          "GET /ready HTTP/1.1\r\nHost: a\r\n\r\n") == Stage::kWhole);
    CHECK(reader.take().path == "/health");
    REQUIRE(reader.stage() == Stage::kWhole);
    CHECK(reader.take().path == "/ready");
}

TEST_CASE("what two programs could read differently is refused") {
    const struct {
        unsigned status;
        std::string_view bytes;
    } cases[] = {
        {400, "GET / HTTP/1.1\r\n\r\n"},                        // no Host
        {400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},  // two
        {400, "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"},       // folded
        {400, "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n"},    // blank before the colon
        {400, "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"},       // lone line feed
        {400, "GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n"},  // lone carriage return
        {400, "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"},     // absolute form
        {400, "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "GET /a/%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"},  // a body for GET
        {411, "POST / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"},
        {400,
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {400,
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"},
        {501, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: gzip\r\n\r\n"},
        {413, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n\r\n"},
        {505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
        {400, "\x16\x03\x01 what is this\r\n\r\n"},
    };
    for (const auto& one : cases) {
        INFO(one.bytes);
        const unsigned status = status_of_refusal(one.bytes);
        // Beast names some of them itself, as bad requests.
        CHECK((status == one.status || status == 400));
    }
}

TEST_CASE("heads and bodies have their limits") {
    CHECK(status_of_refusal("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000, 'x')) == 431);
    std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 0; i < 70; ++i) many += "X" + std::to_string(i) + ": y\r\n";
    CHECK(status_of_refusal(many + "\r\n") == 431);
    RequestReader chunked;
    chunked.append("POST /v1/events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "100000\r\n" + std::string(0x100000, ' ') + "\r\n";
    for (int i = 0; i < 9; ++i) chunked.append(chunk);
    CHECK(chunked.stage() == Stage::kRefused);
    CHECK(chunked.refusal().status == 413);
    CHECK(stage_of("GET / HTTP/1.1\r\nHost: a\r\n") == Stage::kHead);
}

}  // namespace
}  // namespace lb::web
