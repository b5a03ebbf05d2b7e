#include "logd/daemon/remote_door.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <exception>
#include <nlohmann/json.hpp>

#include "common/base/limits.h"
#include "common/event/time_text.h"
#include "common/net/dialer.h"
#include "lb/v1/wire.pb.h"
#include "logd/daemon/messages.h"

namespace lb::logd {

namespace {

// Of one connection: two ends hold a buffer each.
constexpr std::size_t kReadBytes = 8 * 1024;
// Answers that a producer does not take; answers are small and bounded by what is in flight.
constexpr std::size_t kUnsentBytesMax = 1024 * 1024;
constexpr net::Milliseconds kDrainTimeout{2'000};
constexpr net::Milliseconds kDrainTick{5};

void send_failure(net::Connection& connection, const Error& error) {
    v1::Failure failure;
    failure.set_code(static_cast<v1::ErrorCode>(error.code));
    failure.set_text(error.text);
    connection.send_frame(v1::FRAME_TYPE_FAILURE, failure.SerializeAsString());
    connection.close_gracefully();
}

}  // namespace

// One producer: his connection, and the pair's end that leads to the server.
struct RemoteDoor::Relay : std::enable_shared_from_this<Relay> {
    Producer producer;
    std::string address;
    std::weak_ptr<net::Connection> remote;
    std::shared_ptr<net::Connection> local;
    std::deque<std::size_t> unanswered;  // bytes of each event
    std::size_t unanswered_bytes = 0;
    bool is_held = false;
    Error failure{ErrorCode::kOk, {}};  // why we ended it
};

class RemoteDoor::LocalHandler final : public net::Handler {
  public:
    LocalHandler(RemoteDoor& door, std::shared_ptr<Relay> relay)
        : door_(door), relay_(std::move(relay)) {}

    void on_open(net::Connection&) override {
        if (const auto remote = relay_->remote.lock()) remote->resume_reading();
    }

    // Answers come in the order of the events; a Failure answers none.
    void on_frame(net::Connection&, std::uint8_t type, std::string_view payload) override {
        if (const auto remote = relay_->remote.lock()) remote->send_frame(type, payload);
        if (type != v1::FRAME_TYPE_LOG_REPLY || relay_->unanswered.empty()) return;
        const std::size_t bytes = relay_->unanswered.front();
        relay_->unanswered.pop_front();
        relay_->unanswered_bytes -= bytes;
        door_.unanswered_bytes_ -= bytes;
        door_.release_held();
    }

    void on_closed(net::Connection&, const Error&) override {
        door_.forget(*relay_);
        if (const auto remote = relay_->remote.lock()) remote->close_gracefully();
    }

  private:
    RemoteDoor& door_;
    std::shared_ptr<Relay> relay_;
};

class RemoteDoor::RemoteHandler final : public net::Handler {
  public:
    explicit RemoteHandler(RemoteDoor& door) : door_(door) {}

    void on_open(net::Connection& connection) override {
        ++door_.open_count_;
        door_.connections_.add(1);
        const net::Peer& peer = connection.peer();
        ++door_.connections_of_name_[peer.identity.dn];
        auto producer = door_.producer_of(peer);
        if (!producer.ok()) return turn_away(connection, producer.error());
        relay_ = std::make_shared<Relay>();
        relay_->producer = std::move(producer).value();
        relay_->address = peer.address;
        relay_->remote = connection.weak_from_this();
        connection.pause_reading();  // until the server's end is ready
        if (const Status status = door_.let_in(relay_); !status.ok())
            return turn_away(connection, status.error());
        log::write(kRemoteOpened, relay_->producer.text(), peer.address);
    }

    void on_frame(net::Connection& connection, std::uint8_t type,
                  std::string_view payload) override {
        if (type != v1::FRAME_TYPE_LOG) {
            relay_->failure = {
                ErrorCode::kUnsupported,
                "lb-logd takes LOG frames from other hosts, not type " + std::to_string(type)};
            return send_failure(connection, relay_->failure);
        }
        relay_->unanswered.push_back(payload.size());
        relay_->unanswered_bytes += payload.size();
        door_.unanswered_bytes_ += payload.size();
        relay_->local->send_frame(type, payload);
        door_.hold_if_full(*relay_);
    }

    void on_closed(net::Connection& connection, const Error& why) override {
        --door_.open_count_;
        door_.connections_.add(-1);
        const auto of_name = door_.connections_of_name_.find(connection.peer().identity.dn);
        if (--of_name->second == 0) door_.connections_of_name_.erase(of_name);
        if (relay_ == nullptr) return;
        if (relay_->local) relay_->local->close_gracefully();
        const Error& reason = relay_->failure.code == ErrorCode::kOk ? why : relay_->failure;
        if (reason.code != ErrorCode::kOk)
            log::write(kRemoteEnded, relay_->producer.text(), relay_->address, reason.text);
    }

  private:
    void turn_away(net::Connection& connection, const Error& why) {
        const net::Peer& peer = connection.peer();
        door_.refuse("certificate:" + peer.identity.dn + " at " + peer.address, why);
        send_failure(connection, why);
    }

    RemoteDoor& door_;
    std::shared_ptr<Relay> relay_;  // null: turned away
};

RemoteDoor::RemoteDoor(const LogdOptions& options, SourcePolicy policy, Admit admit,
                       metrics::Registry& registry)
    : options_(options.remote),
      in_flight_max_(options.in_flight_max),
      policy_(std::move(policy)),
      admit_(std::move(admit)),
      connections_(registry.gauge("lb_logd_remote_connections", "Remote producers connected now")),
      refused_(registry.counter("lb_logd_remote_refused_total",
                                "Connections of remote producers that were refused")) {}

Result<std::unique_ptr<RemoteDoor>> RemoteDoor::open(const LogdOptions& options, int listener,
                                                     Admit admit, metrics::Registry& registry) {
    LB_TRY_ASSIGN(auto policy, SourcePolicy::parse(options.sources));
    std::unique_ptr<RemoteDoor> door(
        new RemoteDoor(options, std::move(policy), std::move(admit), registry));
    LB_TRY_ASSIGN(door->credentials_, tls::Credentials::load(options.remote.tls));
    LB_TRY(door->listen(listener));
    door->thread_ = std::thread([raw = door.get()] {
        try {
            raw->loop_.run();
        } catch (const std::exception& exception) {
            log::write(kServerFailed, exception.what());
            std::abort();  // who watches over us starts us again; what was acknowledged is safe
        }
    });
    log::write(kRemoteListening, door->port_, door->credentials_->own_identity().dn);
    return door;
}

RemoteDoor::~RemoteDoor() {
    close();
    stop();
}

void RemoteDoor::close() {
    loop_.post([this] { listener_.reset(); });
}

void RemoteDoor::stop() {
    if (!thread_.joinable()) return;
    const auto end = std::chrono::steady_clock::now() + kDrainTimeout;
    while (open_count_ > 0 && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(kDrainTick);
    loop_.stop();
    thread_.join();
}

nlohmann::json RemoteDoor::to_json() const {
    return {{"port", port_},
            {"identity", credentials_->own_identity().dn},
            {"certificate_expires", event::time_to_text(credentials_->not_after_us())},
            {"connections", connections_.value()},
            {"refused", refused_.value()}};
}

Status RemoteDoor::listen(int descriptor) {
    net::ListenerOptions listener;
    listener.connections_max = options_.connections_max;
    listener.opening_max = options_.connections_max;
    listener.limits.frame_bytes_max = limits::kEventBytesMax;
    listener.limits.send_bytes_max = kUnsentBytesMax;
    listener.limits.idle_timeout = std::chrono::seconds(options_.idle_seconds);
    listener.limits.read_bytes = kReadBytes;
    listener.make_handler = [this](net::Connection& connection) {
        return make_handler(connection);
    };
    listener.on_refused = [this](const std::string& address, const Error& why) {
        refuse("at " + address, why);
    };
    auto opened = descriptor >= 0
                      ? net::Listener::adopt_tls(loop_, descriptor, credentials_, listener)
                      : net::Listener::open_tls(loop_, options_.address, options_.port,
                                                credentials_, listener);
    if (!opened.ok()) return opened.error();
    listener_ = std::move(opened).value();
    port_ = listener_->port();
    return {};
}

std::unique_ptr<net::Handler> RemoteDoor::make_handler(net::Connection& connection) {
    if (connection.peer().protocol == tls::kFrameProtocol)
        return std::make_unique<RemoteHandler>(*this);
    connection.close({ErrorCode::kUnsupported,
                      "it does not speak lb/1 (ALPN); HTTPS is the bookkeeping server's"});
    return nullptr;
}

Result<Producer> RemoteDoor::producer_of(const net::Peer& peer) const {
    const std::string& dn = peer.identity.dn;
    Producer producer;
    producer.user.uid = static_cast<uid_t>(-1);
    producer.dn = dn;
    producer.sources = policy_.sources_of_certificate(dn);
    if (dn.empty() || producer.sources.is_empty())
        return Error{ErrorCode::kDenied, "no rule of lb-logd's sources lets " + producer.text() +
                                             " log on this host: add \"certificate:" + dn +
                                             ": SOURCE ...\""};
    if (connections_of_name_.at(dn) > options_.connections_per_name_max)
        return Error{ErrorCode::kFull, producer.text() +
                                           " has too many connections "
                                           "(remote.connections_per_name_max)"};
    return producer;
}

Status RemoteDoor::let_in(const std::shared_ptr<Relay>& relay) {
    int pair[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
        return system_error("making", "a socket pair for a remote producer", errno);
    net::ConnectionLimits limits;
    limits.idle_timeout = net::Milliseconds(0);
    limits.send_timeout = net::Milliseconds(0);  // a full disk takes as long as it takes
    limits.frame_bytes_max = limits::kEventBytesMax;
    limits.send_bytes_max = options_.queue_bytes_max + 2 * limits::kEventBytesMax;
    limits.read_bytes = kReadBytes;
    relay->local =
        net::adopt_unix(loop_, pair[0], limits, std::make_unique<LocalHandler>(*this, relay));
    admit_(pair[1], relay->producer);
    return {};
}

void RemoteDoor::refuse(const std::string& who, const Error& why) {
    refused_.add();
    log::write(kRemoteRefused, who, why.text);
}

// Bounds what is on its way to the disk for each producer and for all, so that remote ones never
// fill the queue of the local.
void RemoteDoor::hold_if_full(Relay& relay) {
    const bool is_full =
        relay.unanswered.size() >= in_flight_max_ || unanswered_bytes_ >= options_.queue_bytes_max;
    const auto remote = relay.remote.lock();
    if (!is_full || relay.is_held || remote == nullptr) return;
    relay.is_held = true;
    remote->pause_reading();
    held_.push_back(relay.weak_from_this());
}

void RemoteDoor::release_held() {
    if (held_.empty() || unanswered_bytes_ > options_.queue_bytes_max / 2) return;
    std::erase_if(held_, [this](const std::weak_ptr<Relay>& weak) {
        const auto relay = weak.lock();
        const auto remote = relay ? relay->remote.lock() : nullptr;
        if (remote == nullptr) return true;
        if (relay->unanswered.size() > in_flight_max_ / 2) return false;
        relay->is_held = false;
        remote->resume_reading();
        return true;
    });
}

void RemoteDoor::forget(Relay& relay) {
    unanswered_bytes_ -= relay.unanswered_bytes;
    relay.unanswered_bytes = 0;
    relay.unanswered.clear();
    release_held();
}

}  // namespace lb::logd
