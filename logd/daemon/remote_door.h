// The door for producers of other hosts: TLS on a port of its own, in a thread of its own, so that
// no handshake and no slow network keeps a local producer waiting. Who may come in gets a socket
// pair to the server and speaks there as local producers do; the door carries frames to and fro.
// The invariant: what the server is told of a producer is what his certificate proved.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <thread>
#include <vector>

#include "common/metrics/metrics.h"
#include "common/net/listener.h"
#include "common/tls/credentials.h"
#include "logd/daemon/intake.h"
#include "logd/daemon/options.h"

namespace lb::logd {

class RemoteDoor {
  public:
    // Takes over a socket that carries the producer's frames; called in the door's thread.
    using Admit = std::function<void(int descriptor, Producer producer)>;

    // `listener`: a TCP socket that listens already, taken over; -1: as options.remote says.
    // kReject, kNotFound: of certificates; others of the port.
    static Result<std::unique_ptr<RemoteDoor>> open(const LogdOptions& options, int listener,
                                                    Admit admit, metrics::Registry& registry);
    ~RemoteDoor();
    RemoteDoor(const RemoteDoor&) = delete;
    RemoteDoor& operator=(const RemoteDoor&) = delete;

    [[nodiscard]] tls::Credentials& credentials() { return *credentials_; }
    // For the daemon's status.
    [[nodiscard]] nlohmann::json to_json() const;

    // Nobody comes in any more; who is in stays.
    void close();
    // After the server has closed its ends: waits until the last answers have been taken, not long,
    // and ends the thread.
    void stop();

  private:
    class RemoteHandler;
    class LocalHandler;
    struct Relay;

    RemoteDoor(const LogdOptions& options, SourcePolicy policy, Admit admit,
               metrics::Registry& registry);
    Status listen(int listener);
    // In the loop's thread, as all below.
    std::unique_ptr<net::Handler> make_handler(net::Connection& connection);
    [[nodiscard]] Result<Producer> producer_of(const net::Peer& peer) const;
    Status let_in(const std::shared_ptr<Relay>& relay);
    void refuse(const std::string& who, const Error& why);
    void hold_if_full(Relay& relay);
    void release_held();
    void forget(Relay& relay);

    const RemoteOptions options_;
    const std::size_t in_flight_max_;
    const SourcePolicy policy_;
    const Admit admit_;
    std::shared_ptr<tls::Credentials> credentials_;
    std::uint16_t port_ = 0;

    net::Loop loop_;
    std::unique_ptr<net::Listener> listener_;
    std::map<std::string, std::size_t> connections_of_name_;
    std::vector<std::weak_ptr<Relay>> held_;  // are not read until others have been answered
    std::size_t unanswered_bytes_ = 0;        // of all
    std::atomic<std::size_t> open_count_{0};
    metrics::Gauge& connections_;
    metrics::Counter& refused_;
    std::thread thread_;
};

}  // namespace lb::logd
