#include "tests/simulation/network.h"

#include <catch2/catch.hpp>

#include "common/event/event_id.h"
#include "lb/v1/envelope.pb.h"

namespace lb::test {

namespace {

constexpr std::uint64_t kDialTimeoutUs = 5 * kSecondUs;
// As lb-interlogd's connections have it until the server says otherwise.
constexpr std::uint64_t kIdleUs = 30 * kSecondUs;

}  // namespace

struct SimNetwork::Connection {
    std::string host;
    interlogd::LinkListener* listener = nullptr;  // null: the client is gone or was told
    std::shared_ptr<ServerSide> server;
    bool is_silent = false;  // nothing passes any more, and nobody is told
    std::uint64_t next_up_us = 0;
    std::uint64_t next_down_us = 0;
    std::uint64_t heard_us = 0;  // by the client
    std::uint64_t idle_us = kIdleUs;
};

class SimNetwork::SimLink final : public interlogd::Link {
  public:
    SimLink(SimNetwork& network, std::shared_ptr<Connection> connection)
        : network_(network), connection_(std::move(connection)) {}
    // What is on its way to the server still arrives; then the server hears of the end.
    ~SimLink() override {
        connection_->listener = nullptr;
        const std::uint64_t now_us = network_.world_.now_us();
        const std::uint64_t last_us = std::max(connection_->next_up_us, now_us) + kMsUs;
        network_.world_.after(last_us - now_us, [connection = connection_] {
            connection->is_silent = true;
            if (connection->server) connection->server->session->close();
        });
    }
    void send(std::uint8_t type, const std::string& payload) override {
        network_.carry_to_server(connection_, type, payload);
    }
    void set_idle_timeout_ms(std::int64_t milliseconds) override {
        connection_->idle_us = static_cast<std::uint64_t>(milliseconds) * kMsUs;
    }
    [[nodiscard]] std::size_t queued_bytes() const override { return 0; }

  private:
    SimNetwork& network_;
    std::shared_ptr<Connection> connection_;
};

std::uint64_t SimNetwork::delay_us() {
    if (world_.is_calm) return kMsUs;
    return world_.is_chance(20) ? world_.below(3 * kSecondUs) : 100 + world_.below(20 * kMsUs);
}

std::unique_ptr<interlogd::Link> SimNetwork::dial(const std::string& host,
                                                  interlogd::LinkListener& listener) {
    auto connection = std::make_shared<Connection>();
    connection->host = host;
    connection->listener = &listener;
    connections_.push_back(connection);
    world_.after(delay_us(), [this, connection] { connect(connection); });
    return std::make_unique<SimLink>(*this, connection);
}

void SimNetwork::connect(const std::shared_ptr<Connection>& connection) {
    if (is_cut(connection->host)) {
        world_.after(kDialTimeoutUs, [this, connection] {
            close(connection, {ErrorCode::kTimeout, "no answer, by the simulation"});
        });
        return;
    }
    connection->server = server_.accept(connection->host);
    connection->heard_us = world_.now_us();
    if (connection->server == nullptr)
        return close(connection, {ErrorCode::kRetry, "connection refused, by the simulation"});
    watch_silence(connection);
    if (connection->listener != nullptr) connection->listener->on_link_open();
}

void SimNetwork::close(const std::shared_ptr<Connection>& connection, const Error& why) {
    if (connection->server) connection->server->session->close();
    connection->is_silent = true;
    if (connection->listener != nullptr)
        std::exchange(connection->listener, nullptr)->on_link_closed(why);
}

void SimNetwork::carry_to_server(const std::shared_ptr<Connection>& connection, std::uint8_t type,
                                 const std::string& payload) {
    const std::string carried = spoil(connection, type, payload);
    connection->next_up_us = std::max(connection->next_up_us, world_.now_us() + delay_us());
    world_.after(connection->next_up_us - world_.now_us(), [this, connection, type, carried] {
        if (connection->is_silent || connection->server == nullptr) return;
        const bool is_going_on =
            server_.take(*connection->server, static_cast<lb::v1::FrameType>(type), carried);
        carry_to_client(connection);
        if (is_going_on) return;
        connection->is_silent = true;  // for what is still on its way to the server
        world_.after(delay_us() + 4 * kSecondUs, [this, connection] {
            close(connection, {ErrorCode::kRetry, "reset, by the simulation"});
        });
    });
}

// What the server sent so far sets out, in its order.
void SimNetwork::carry_to_client(const std::shared_ptr<Connection>& connection) {
    for (auto& [type, payload] : connection->server->mailbox->take()) {
        connection->next_down_us = std::max(connection->next_down_us, world_.now_us() + delay_us());
        world_.after(connection->next_down_us - world_.now_us(), [this, connection, type = type,
                                                                  payload = std::move(payload)] {
            if (connection->is_silent || connection->listener == nullptr) return;
            connection->heard_us = world_.now_us();
            connection->listener->on_link_frame(static_cast<std::uint8_t>(type), payload);
        });
    }
}

// Once a second: carries what the server says of its own accord, and ends what is silent too long.
void SimNetwork::watch_silence(const std::shared_ptr<Connection>& connection) {
    if (connection->listener == nullptr) return;
    if (world_.now_us() >= connection->heard_us + connection->idle_us)
        return close(connection, {ErrorCode::kTimeout, "silence, by the simulation"});
    if (!connection->is_silent) carry_to_client(connection);
    world_.after(kSecondUs, [this, connection] { watch_silence(connection); });
}

void SimNetwork::cut(const std::string& host) {
    cut_.insert(host);
    for (const auto& weak : connections_)
        if (const auto connection = weak.lock(); connection && connection->host == host)
            connection->is_silent = true;
}

void SimNetwork::break_connections(const std::string& host) {
    const auto all = std::exchange(connections_, {});
    for (const auto& weak : all) {
        const auto connection = weak.lock();
        if (!connection) continue;
        if (host.empty() || connection->host == host)
            close(connection, {ErrorCode::kRetry, "cut, by the simulation"});
        else
            connections_.push_back(connection);
    }
}

// The bugs of a network.
std::string SimNetwork::spoil(const std::shared_ptr<Connection>& connection, std::uint8_t type,
                              std::string payload) {
    if (type != lb::v1::FRAME_TYPE_BATCH) return payload;
    lb::v1::Batch batch;
    REQUIRE(batch.ParseFromString(payload));
    if (world_.bug == Bug::kNetworkForgesAcks && world_.is_chance(4)) {
        lb::v1::Ack ack;
        ack.set_settled_up_to(batch.first_sequence() - 1 +
                              static_cast<std::uint64_t>(batch.envelopes_size()));
        ack.set_credit_events(1000);
        ack.set_credit_bytes(1 << 20);
        world_.after(1, [connection, bytes = ack.SerializeAsString()] {
            if (connection->listener != nullptr)
                connection->listener->on_link_frame(lb::v1::FRAME_TYPE_ACK, bytes);
        });
        connection->is_silent = true;
    }
    if (world_.bug != Bug::kNetworkRenamesEvents) return payload;
    for (std::string& bytes : *batch.mutable_envelopes()) {
        lb::v1::Envelope envelope;
        REQUIRE(envelope.ParseFromString(bytes));
        if (seen_.insert(envelope.event_id()).second) continue;
        envelope.set_event_id(event::event_id_of_text(envelope.event_id() + "again"));
        bytes = envelope.SerializeAsString();
    }
    return batch.SerializeAsString();
}

}  // namespace lb::test
