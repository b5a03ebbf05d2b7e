// A host of the simulation: lb-logd's intake and committer, the spool on a simulated disk, and
// lb-interlogd's queue of one destination. Its two programs die on their own or with the power.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "interlogd/destination_queue.h"
#include "logd/daemon/committer.h"
#include "logd/daemon/intake.h"
#include "tests/simulation/network.h"
#include "tests/simulation/world.h"
#include "tests/support/sim_disk.h"

namespace lb::test {

// An event that somebody on a host wants logged.
struct SimEvent {
    std::string process;
    std::string event_id;
    std::string event;  // encoded
    bool is_sync = false;
};

class SimHost {
  public:
    SimHost(World& world, SimNetwork& network, std::string name, std::uint64_t seed);
    ~SimHost();

    // Logs as a producer does, on and on until it is acknowledged: `on_acknowledged`, once.
    void log(const SimEvent& event, std::function<void()> on_acknowledged);

    void kill_logd();
    void kill_interlogd();
    void lose_power(Loss loss);
    // The calls of a program fail for a while, the disk fills up, or its program dies in one of the
    // next calls; by chance.
    void have_trouble();
    void end_trouble();
    void jump_clock(std::int64_t microseconds) { clock_.now_us += microseconds; }

    // Nothing is in the spool that is not settled.
    bool is_empty();
    [[nodiscard]] const std::string& name() const { return name_; }
    // What must never be, as it was met first.
    [[nodiscard]] const std::optional<std::string>& complaint() const { return complaint_; }
    // Verdicts that producers of the synchronous lane were told.
    [[nodiscard]] const std::vector<spool::SettledEvent>& told() const { return told_; }

  private:
    struct Logd;
    struct Interlogd;

    bool try_to_log(const SimEvent& event);
    void start_logd();
    void start_interlogd();
    void tick();
    void complain(const std::string& what);
    void follow_clock();
    int fault_of(std::uint64_t times);

    World& world_;
    SimNetwork& network_;
    const std::string name_;
    SimDisk disk_;
    SimClock clock_;
    std::uint64_t clock_at_us_ = 0;  // of the world, when clock_ was set last
    std::unique_ptr<Logd> logd_;
    std::unique_ptr<Interlogd> interlogd_;
    bool may_refuse_ = false;
    std::uint64_t ticks_ = 0;
    std::vector<spool::SettledEvent> told_;
    std::optional<std::string> complaint_;
    std::shared_ptr<bool> is_there_ = std::make_shared<bool>(true);
};

}  // namespace lb::test
