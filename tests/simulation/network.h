// The network of a simulation: connections that are slow, stall, break with what is on its way, or
// die without a word; partitions that keep a host from its server. Within one connection nothing is
// lost or out of order, as TCP has it; what a broken one lost nobody knows.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "interlogd/link.h"
#include "tests/simulation/server.h"
#include "tests/simulation/world.h"

namespace lb::test {

class SimNetwork {
  public:
    SimNetwork(World& world, SimServer& server) : world_(world), server_(server) {}

    void cut(const std::string& host);
    void heal(const std::string& host) { cut_.erase(host); }
    [[nodiscard]] bool is_cut(const std::string& host) const { return cut_.contains(host); }
    // Connections of a host, or of all, break now.
    void break_connections(const std::string& host = {});

    std::unique_ptr<interlogd::Link> dial(const std::string& host,
                                          interlogd::LinkListener& listener);

    struct Connection;

  private:
    void connect(const std::shared_ptr<Connection>& connection);
    void carry_to_server(const std::shared_ptr<Connection>& connection, std::uint8_t type,
                         const std::string& payload);
    void carry_to_client(const std::shared_ptr<Connection>& connection);
    void close(const std::shared_ptr<Connection>& connection, const Error& why);
    void watch_silence(const std::shared_ptr<Connection>& connection);
    std::string spoil(const std::shared_ptr<Connection>& connection, std::uint8_t type,
                      std::string payload);
    std::uint64_t delay_us();

    class SimLink;

    World& world_;
    SimServer& server_;
    std::set<std::string> cut_;
    std::vector<std::weak_ptr<Connection>> connections_;
    std::set<std::string> seen_;  // event ids, for a bug
};

// What a host dials with.
class HostLinks final : public interlogd::LinkMaker {
  public:
    HostLinks(SimNetwork& network, std::string host) : network_(network), host_(std::move(host)) {}
    std::unique_ptr<interlogd::Link> dial(const spool::Destination&,
                                          interlogd::LinkListener& listener) override {
        return network_.dial(host_, listener);
    }

  private:
    SimNetwork& network_;
    std::string host_;
};

}  // namespace lb::test
