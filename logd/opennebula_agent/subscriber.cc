#include "logd/opennebula_agent/subscriber.h"

#include <array>
#include <zmq.hpp>

namespace lb::opennebula_agent {

namespace {

// Every change is published under two keys; one is enough.
constexpr std::array kKeys = {"EVENT STATE VM/", "EVENT STATE HOST/"};
constexpr char kMonitor[] = "inproc://connections";
constexpr int kReconnectMsMax = 10'000;
constexpr int kKeepaliveSeconds = 60;

class Connections final : public zmq::monitor_t {
  public:
    void on_event_handshake_succeeded(const zmq_event_t&, const char*) override {
        ++made;
        is_up = true;
    }
    void on_event_disconnected(const zmq_event_t&, const char*) override { is_up = false; }

    std::uint64_t made = 0;
    bool is_up = false;
};

}  // namespace

struct Subscriber::Implementation {
    explicit Implementation(const std::string& endpoint) {
        socket.set(zmq::sockopt::linger, 0);
        socket.set(zmq::sockopt::rcvhwm, kMessagesMax);
        socket.set(zmq::sockopt::maxmsgsize, kMessageBytesMax);
        socket.set(zmq::sockopt::reconnect_ivl_max, kReconnectMsMax);
        socket.set(zmq::sockopt::tcp_keepalive, 1);
        socket.set(zmq::sockopt::tcp_keepalive_idle, kKeepaliveSeconds);
        for (const char* key : kKeys) socket.set(zmq::sockopt::subscribe, key);
        connections.init(socket, kMonitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED);
        socket.connect(endpoint);
    }

    void look_at_connections() {
        try {
            while (connections.check_event(0)) {
            }
        } catch (const zmq::error_t&) {  // interrupted by a signal; the next look sees the rest
        }
    }

    // Whatever follows the second frame is not for us.
    std::optional<Message> receive() {
        std::array<zmq::message_t, 2> frames;
        for (std::size_t i = 0;; ++i) {
            zmq::message_t frame;
            if (!socket.recv(frame, zmq::recv_flags::dontwait)) return std::nullopt;
            const bool is_last = !frame.more();
            if (i < frames.size()) frames[i] = std::move(frame);
            if (is_last) break;
        }
        return Message{frames[0].to_string(), frames[1].to_string()};
    }

    zmq::context_t context{1};
    zmq::socket_t socket{context, zmq::socket_type::sub};
    Connections connections;
};

Subscriber::Subscriber(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}

Subscriber::~Subscriber() = default;

Result<std::unique_ptr<Subscriber>> Subscriber::open(const std::string& endpoint) {
    try {
        return std::unique_ptr<Subscriber>(
            new Subscriber(std::make_unique<Implementation>(endpoint)));
    } catch (const zmq::error_t& error) {
        return Error{ErrorCode::kReject, "events: " + endpoint + ": " + error.what() +
                                             "; expected an address as tcp://127.0.0.1:2101"};
    }
}

std::optional<Message> Subscriber::next(std::chrono::milliseconds wait) {
    try {
        zmq::pollitem_t item{implementation_->socket.handle(), 0, ZMQ_POLLIN, 0};
        if (zmq::poll(&item, 1, wait) == 0) return std::nullopt;
        return implementation_->receive();
    } catch (const zmq::error_t&) {  // interrupted by a signal
        return std::nullopt;
    }
}

std::uint64_t Subscriber::connects() {
    implementation_->look_at_connections();
    return implementation_->connections.made;
}

bool Subscriber::is_connected() {
    implementation_->look_at_connections();
    return implementation_->connections.is_up;
}

}  // namespace lb::opennebula_agent
