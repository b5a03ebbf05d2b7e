#include "common/net/client.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/limits.h"
#include "common/frame/frame.h"
#include "common/net/client_stream.h"
#include "lb/v1/envelope.pb.h"
#include "lb/v1/wire.pb.h"

namespace lb::net {

namespace {

constexpr std::uint32_t kProtocolVersion = 1;
constexpr std::size_t kReadBytes = 64 * 1024;

std::int64_t now_us() {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace

struct Client::Implementation {
    explicit Implementation(ClientOptions client_options) : options(std::move(client_options)) {}

    Status open();
    Status greet(const Deadline& deadline);
    Status send(std::uint8_t type, const std::string& payload, const Deadline& deadline);
    // The next frame that is no keepalive; kReject etc. when the server says FAILURE.
    Result<std::string> receive(std::uint8_t wanted, const Deadline& deadline);
    // The same; a keepalive goes out after each pause in which nothing came.
    Result<std::string> await(std::uint8_t wanted, const Deadline& deadline,
                              std::chrono::milliseconds pause,
                              const std::function<bool()>& on_wait);
    Status read_some(const Deadline& deadline);

    const ClientOptions options;
    std::unique_ptr<ClientStream> stream;
    frame::Decoder decoder{limits::kFrameBytesMax};
    v1::HelloReply hello;
    std::uint64_t last_request = 0;
};

Status Client::Implementation::open() {
    const Deadline deadline(options.timeout);
    LB_TRY_ASSIGN(stream, ClientStream::connect(options, deadline));
    return greet(deadline);
}

Status Client::Implementation::send(std::uint8_t type, const std::string& payload,
                                    const Deadline& deadline) {
    std::string bytes;
    frame::append_frame(bytes, type, payload);
    return stream->send(bytes, deadline);
}

Status Client::Implementation::read_some(const Deadline& deadline) {
    std::array<char, kReadBytes> buffer{};
    LB_TRY_ASSIGN(const std::size_t count, stream->receive(buffer.data(), buffer.size(), deadline));
    decoder.append({buffer.data(), count});
    return {};
}

Result<std::string> Client::Implementation::receive(std::uint8_t wanted, const Deadline& deadline) {
    while (true) {
        LB_TRY_ASSIGN(const auto frame, decoder.next());
        if (!frame) {
            LB_TRY(read_some(deadline));
            continue;
        }
        if (frame->type == wanted) return std::string(frame->payload);
        if (frame->type == v1::FRAME_TYPE_KEEPALIVE) continue;
        v1::Failure failure;
        if (frame->type == v1::FRAME_TYPE_FAILURE &&
            failure.ParseFromArray(frame->payload.data(), static_cast<int>(frame->payload.size())))
            return Error{static_cast<ErrorCode>(failure.code()), failure.text()};
        return Error{ErrorCode::kCorrupt, stream->peer() +
                                              " sent a frame that was not expected: type " +
                                              std::to_string(frame->type)};
    }
}

Result<std::string> Client::Implementation::await(std::uint8_t wanted, const Deadline& deadline,
                                                  std::chrono::milliseconds pause,
                                                  const std::function<bool()>& on_wait) {
    while (true) {
        const std::chrono::milliseconds left(deadline.left_ms());
        auto payload = receive(wanted, Deadline(std::min(pause, left)));
        if (payload.ok() || payload.error().code != ErrorCode::kTimeout || deadline.left_ms() == 0)
            return payload;
        v1::Keepalive alive;
        alive.set_clock_us(now_us());
        LB_TRY(send(v1::FRAME_TYPE_KEEPALIVE, alive.SerializeAsString(), deadline));
        if (!on_wait())
            return Error{ErrorCode::kTimeout,
                         "waiting for an answer of " + stream->peer() + " was given up"};
    }
}

Status Client::Implementation::greet(const Deadline& deadline) {
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    v1::Hello said;
    said.set_version_min(kProtocolVersion);
    said.set_version_max(kProtocolVersion);
    said.set_role(v1::PEER_ROLE_CLIENT);
    said.set_software(options.software);
    said.set_host(host.data());
    said.set_clock_us(now_us());
    LB_TRY(send(v1::FRAME_TYPE_HELLO, said.SerializeAsString(), deadline));
    LB_TRY_ASSIGN(const auto payload, receive(v1::FRAME_TYPE_HELLO_REPLY, deadline));
    if (!hello.ParseFromString(payload))
        return Error{ErrorCode::kCorrupt, stream->peer() + " sent a hello that cannot be read"};
    return {};
}

Client::Client(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}

Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::connect(const ClientOptions& options) {
    auto implementation = std::make_unique<Implementation>(options);
    LB_TRY(implementation->open());
    return std::unique_ptr<Client>(new Client(std::move(implementation)));
}

const v1::HelloReply& Client::hello() const {
    return implementation_->hello;
}

Status Client::ask(v1::Request request, const std::function<bool(const v1::Reply&)>& on_reply) {
    return ask(std::move(request), on_reply, Patience{implementation_->options.timeout});
}

Status Client::ask(v1::Request request, const std::function<bool(const v1::Reply&)>& on_reply,
                   const Patience& patience) {
    constexpr std::chrono::seconds kPause(1);
    Implementation& line = *implementation_;
    const Deadline deadline(patience.timeout);
    request.set_id(++line.last_request);
    LB_TRY(line.send(v1::FRAME_TYPE_REQUEST, request.SerializeAsString(), deadline));
    while (true) {
        LB_TRY_ASSIGN(const auto payload,
                      line.await(v1::FRAME_TYPE_REPLY, deadline, kPause, patience.on_wait));
        v1::Reply reply;
        if (!reply.ParseFromString(payload) || reply.id() != request.id())
            return Error{ErrorCode::kCorrupt,
                         line.stream->peer() + " sent a reply that cannot be read"};
        if (reply.code() != v1::ERROR_CODE_OK)
            return Error{static_cast<ErrorCode>(reply.code()), reply.text()};
        if (!on_reply(reply) || !reply.more()) return {};
    }
}

Status Client::send_batch(const v1::Batch& batch) {
    Implementation& line = *implementation_;
    return line.send(v1::FRAME_TYPE_BATCH, batch.SerializeAsString(),
                     Deadline(line.options.timeout));
}

Result<v1::Ack> Client::next_ack() {
    Implementation& line = *implementation_;
    const Deadline deadline(line.options.timeout);
    const std::chrono::seconds pause(std::max(1U, line.hello.keepalive_seconds()));
    LB_TRY_ASSIGN(const auto payload,
                  line.await(v1::FRAME_TYPE_ACK, deadline, pause, [] { return true; }));
    v1::Ack ack;
    if (ack.ParseFromString(payload)) return ack;
    return Error{ErrorCode::kCorrupt, line.stream->peer() + " sent an ack that cannot be read"};
}

Result<v1::LogReply> Client::log(const v1::Envelope& envelope) {
    Implementation& line = *implementation_;
    const Deadline deadline(line.options.timeout);
    LB_TRY(line.send(v1::FRAME_TYPE_LOG, envelope.SerializeAsString(), deadline));
    LB_TRY_ASSIGN(const auto payload, line.receive(v1::FRAME_TYPE_LOG_REPLY, deadline));
    v1::LogReply reply;
    if (!reply.ParseFromString(payload))
        return Error{ErrorCode::kCorrupt,
                     line.stream->peer() + " sent a reply that cannot be read"};
    return reply;
}

}  // namespace lb::net
