// A bookkeeping server that dies and lives again: lanes, sessions and book are the real ones, the
// database behind them fails when the simulation says so.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "bkserver/ingest/session.h"
#include "tests/simulation/faulty_store.h"
#include "tests/simulation/world.h"

namespace lb::test {

inline constexpr char kSimService[] = "lb.example.org:9000";

// Frames that a server sends on one connection, kept until the simulation carries them.
class Mailbox final : public ingest::Outlet {
  public:
    void send(lb::v1::FrameType type, const std::string& payload) override;
    std::deque<std::pair<lb::v1::FrameType, std::string>> take();
    // Waits until everything up to `sequence` is acknowledged, or the mailbox was given up.
    void wait_for_ack(std::uint64_t sequence);
    void give_up();

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::pair<lb::v1::FrameType, std::string>> frames_;
    std::uint64_t acknowledged_ = 0;
    bool is_given_up_ = false;
};

// One connection as the server has it.
struct ServerSide {
    std::shared_ptr<ingest::Session> session;
    std::shared_ptr<Mailbox> mailbox;
    std::uint64_t received = 0;  // events
    std::uint64_t life = 0;      // of the server
};

class SimServer {
  public:
    // `database` and `policy` outlive it.
    SimServer(World& world, store::Database& database, const book::Policy& policy);
    ~SimServer();

    [[nodiscard]] bool is_up() const { return lanes_ != nullptr; }
    void start();
    // Everything that is not committed is gone.
    void kill();

    // A connection of the host with this name, proven by its certificate. Nothing: it is down.
    std::shared_ptr<ServerSide> accept(const std::string& host);
    // Hands a frame to the session and waits until the lanes are done with it. False: the session
    // is over, or the server died since it began.
    bool take(ServerSide& side, lb::v1::FrameType type, const std::string& payload);
    void tick();

  private:
    World& world_;
    store::Database& database_;
    const book::Policy& policy_;
    std::unique_ptr<FaultyStore> store_;
    std::unique_ptr<metrics::Registry> registry_;
    std::unique_ptr<ingest::Stamper> stamper_;
    std::unique_ptr<ingest::Lanes> lanes_;
    std::uint64_t life_ = 0;
    std::vector<std::weak_ptr<ServerSide>> sides_;
    std::mutex waiting_mutex_;
    Mailbox* waiting_ = nullptr;  // under waiting_mutex_: told when the store dies
};

}  // namespace lb::test
