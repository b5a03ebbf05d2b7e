// A blocking connection for tools, over TLS or the server's Unix socket: connect, hello, one
// request after the other, each within its deadline. Plain sockets; no loop, no thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/net/client_stream.h"

namespace lb::v1 {
class Ack;
class Batch;
class Envelope;
class HelloReply;
class LogReply;
class Reply;
class Request;
}  // namespace lb::v1

namespace lb::net {

struct ClientOptions : ClientPlace {
    std::string software;                       // "lbctl 0.1.0"
    std::chrono::milliseconds timeout{30'000};  // of connecting, and of each call
};

// With what an answer is awaited that may take minutes or hours.
struct Patience {
    std::chrono::milliseconds timeout;  // instead of the one of each call
    // About every second; false: the answer is given up, which is the error kTimeout.
    std::function<bool()> on_wait = [] { return true; };
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
    // The same for an answer that takes long.
    Status ask(v1::Request request, const std::function<bool(const v1::Reply&)>& on_reply,
               const Patience& patience);
    // Logs one event directly at the server (LOG frame); the reply says what became of it.
    Result<v1::LogReply> log(const v1::Envelope& envelope);

    // Many events without waiting for each (proto/PROTOCOL.md, Forwarding): sends a BATCH; the
    // caller keeps to the credit of hello() and of the acks.
    Status send_batch(const v1::Batch& batch);
    // The next ACK. Keepalives go out while it waits.
    Result<v1::Ack> next_ack();

  private:
    struct Implementation;
    explicit Client(std::unique_ptr<Implementation> implementation);
    std::unique_ptr<Implementation> implementation_;
};

}  // namespace lb::net
