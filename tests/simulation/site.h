// A whole site in one process: hosts, network, server, producers, trouble, and the checkers of the
// design's promises. One seed is one history.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/host.h"
#include "tests/simulation/network.h"
#include "tests/simulation/server.h"
#include "tests/simulation/world.h"

namespace lb::test {

class SimSite {
  public:
    // `database` is shared by all seeds: each has processes and events of its own.
    SimSite(std::uint64_t seed, Bug bug, store::Database& database);
    ~SimSite();

    // Plays the history to its end. Nothing, or the first promise that does not hold.
    std::optional<std::string> run();

  private:
    enum class Kind : std::uint8_t { kPlain, kForbidden, kTwin };
    struct Known {
        SimEvent event;
        Kind kind = Kind::kPlain;
        bool is_acknowledged = false;
        std::size_t stored = 0;
        std::size_t dead = 0;
    };

    void plan_events();
    void plan_event(std::size_t number, std::uint64_t at_us);
    void plan_trouble(std::uint64_t at_us);
    void make_trouble();
    void calm_down();
    bool is_done();

    std::optional<std::string> check();
    std::optional<std::string> collect_stored();
    std::optional<std::string> collect_dead_letters();
    std::optional<std::string> check_event(const Known& known) const;
    std::optional<std::string> check_process(const std::string& id);

    const std::uint64_t seed_;
    World world_;
    store::Database& database_;
    std::unique_ptr<book::Policy> policy_;
    SimServer server_;
    SimNetwork network_;
    std::vector<std::unique_ptr<SimHost>> hosts_;
    std::vector<std::string> processes_;
    std::map<std::string, std::vector<Known>> known_;  // by event id; twins share one
    std::set<std::string> stored_ids_;
    std::uint64_t first_dead_letter_ = 0;
};

}  // namespace lb::test
