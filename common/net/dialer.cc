#include "common/net/dialer.h"

#include <utility>

#include "common/net/stream_connection.h"

namespace lb::net {
namespace {

// Stands in for a stream that could not even be made: opening it gives the reason.
class FailedStream final : public Stream {
  public:
    FailedStream(Loop& loop, Error why, std::string address)
        : loop_(loop), why_(std::move(why)), address_(std::move(address)) {}

    void open(Done done) override {
        loop_.post([why = why_, done = std::move(done)] { done(why); });
    }
    Result<Peer> peer() override { return why_; }
    [[nodiscard]] std::string peer_address() const override { return address_; }
    void read_some(char*, std::size_t, Moved moved) override { moved(why_, 0); }
    void write_some(std::string_view, Moved moved) override { moved(why_, 0); }
    void end(Done done) override { done(why_); }
    void close() override {}

  private:
    Loop& loop_;
    Error why_;
    std::string address_;
};

std::shared_ptr<Connection> dial(Loop& loop, std::unique_ptr<Stream> stream,
                                 const ConnectionLimits& limits, std::unique_ptr<Handler> handler) {
    auto connection = std::make_shared<StreamConnection>(loop, std::move(stream), limits, nullptr);
    // std::function wants what can be copied.
    auto shared = std::make_shared<std::unique_ptr<Handler>>(std::move(handler));
    loop.post([connection, shared] { connection->open_dialled(std::move(*shared)); });
    return connection;
}

}  // namespace

std::shared_ptr<Connection> dial_tls(Loop& loop, const DialOptions& options,
                                     std::unique_ptr<Handler> handler) {
    auto stream = dialled_tls_stream(loop, options);
    auto usable = stream.ok() ? std::move(stream).value()
                              : std::make_unique<FailedStream>(loop, stream.error(), options.host);
    return dial(loop, std::move(usable), options.limits, std::move(handler));
}

std::shared_ptr<Connection> adopt_unix(Loop& loop, int descriptor, const ConnectionLimits& limits,
                                       std::unique_ptr<Handler> handler) {
    auto stream = accepted_unix_stream(loop, descriptor, "socket pair");
    auto usable = stream.ok() ? std::move(stream).value()
                              : std::make_unique<FailedStream>(loop, stream.error(), "socket pair");
    return dial(loop, std::move(usable), limits, std::move(handler));
}

}  // namespace lb::net
