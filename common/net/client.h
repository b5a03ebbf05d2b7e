// A blocking connection for tools: connect, hello, one request after the other, each within its
// deadline. Plain sockets; no loop, no thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/net/loop.h"
#include "common/tls/credentials.h"

namespace lb::v1 {
class Envelope;
class HelloReply;
class LogReply;
class Reply;
class Request;
}  // namespace lb::v1

namespace lb::net {

struct ClientOptions {
    std::string host;
    std::uint16_t port = 9000;
    std::vector<std::string> host_names;  // as in DialOptions
    std::shared_ptr<tls::Credentials> credentials;
    std::string software;          // "lbctl 0.1.0"
    Milliseconds timeout{30'000};  // of connecting, and of each call
};

// One thread at a time. After an error of kRetry, kTimeout or kCorrupt it is of no more use.
class Client {
  public:
    // Connects and says hello.
    static Result<std::unique_ptr<Client>> connect(const ClientOptions& options);
    ~Client();

    [[nodiscard]] const v1::HelloReply& hello() const;

    // Sends the request (its id is set here) and hands each reply to `on_reply`, until one has no
    // `more`, or `on_reply` returns false (then the client is of no more use). A reply whose code
    // is not OK becomes the error returned.
    Status ask(v1::Request request, const std::function<bool(const v1::Reply&)>& on_reply);
    // Logs one event directly at the server (LOG frame); the reply says what became of it.
    Result<v1::LogReply> log(const v1::Envelope& envelope);

  private:
    struct Implementation;
    explicit Client(std::unique_ptr<Implementation> implementation);
    std::unique_ptr<Implementation> implementation_;
};

}  // namespace lb::net
