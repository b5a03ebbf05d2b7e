// One HTTP request on its way to an answer: what the door (http_door.h) hands to the desk
// (http_desk.h).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bkserver/web/http.h"
#include "bkserver/web/routes.h"
#include "lb/v1/envelope.pb.h"

namespace lb::bkserver {

// An answer that goes on until one side ends it. Any thread.
class HttpStream {
  public:
    virtual ~HttpStream() = default;
    // False when the client has gone or takes nothing: send no more.
    virtual bool send(std::string bytes) = 0;
    [[nodiscard]] virtual bool is_open() const = 0;
    virtual void end() = 0;
};

struct HttpCall {
    web::HttpRequest request;
    web::Match match;
    lb::v1::Identity certificate;  // proven by TLS; name empty: none was shown
    std::string address;           // of the client, for the log
    std::int64_t arrived_us = 0;
    // One of these, once; any thread.
    std::function<void(web::HttpAnswer answer)> reply;
    std::function<std::shared_ptr<HttpStream>(std::string_view content_type)> open_stream;
    // What to answer if reply() was not called in time.
    std::function<void(std::function<web::HttpAnswer()> late_answer)> when_late;
};

}  // namespace lb::bkserver
