// Reads one request from the bytes of a connection, bounded in every direction. Stricter than
// HTTP/1.1 where leniency lets two programs see two different requests in the same bytes: one Host,
// one length, no folded headers, no encoded or relative path segments.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bkserver/web/http.h"

namespace lb::web {

inline constexpr std::size_t kHeadBytesMax = 16 * 1024;
inline constexpr std::size_t kHeadersMax = 64;
inline constexpr std::size_t kBodyBytesMax = 8 * 1024 * 1024;

class RequestReader {
  public:
    enum class Stage {
        kNothing,  // no byte of a request yet
        kHead,     // part of its head
        kBody,     // head() is there, the body is not whole
        kWhole,
        kRefused,  // refusal() says why; the connection is of no more use
    };

    RequestReader();
    ~RequestReader();
    RequestReader(const RequestReader&) = delete;
    RequestReader& operator=(const RequestReader&) = delete;

    // Never keeps more than the limits. What comes behind a whole request is kept for the next one,
    // up to a head's length.
    Stage append(std::string_view bytes);
    [[nodiscard]] Stage stage() const { return stage_; }

    // From kBody on: the request without its body.
    [[nodiscard]] const HttpRequest& head() const { return request_; }
    // From kBody on: what the body takes at most. Of a chunked one the limit.
    [[nodiscard]] std::size_t body_bytes_max() const;
    // The client waits for "100 Continue" before it sends the body.
    [[nodiscard]] bool expects_continue() const;
    [[nodiscard]] const Refusal& refusal() const { return refusal_; }

    // At kWhole: the request. The reader begins anew with what came behind it; look at stage().
    HttpRequest take();

  private:
    struct Parser;

    Stage advance();
    Stage refuse(unsigned status, std::string text);
    bool feed();
    bool read_head();
    bool check_head();

    std::unique_ptr<Parser> parser_;
    std::string buffer_;  // not consumed by the parser yet
    Stage stage_ = Stage::kNothing;
    HttpRequest request_;
    Refusal refusal_;
};

}  // namespace lb::web
