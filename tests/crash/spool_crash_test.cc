// The spool over a disk that loses what was not synced: the writer or the reader dies in every
// single call of a scenario, or the power goes; then random scenarios with failing calls.
//   LB_SEED=n replays one random scenario, LB_SEEDS=n runs so many.
#include <catch2/catch.hpp>
#include <cerrno>
#include <functional>

#include "tests/crash/spool_host.h"
#include "tests/support/seeds.h"

using namespace lb;
using namespace lb::test;

namespace {

using Program = SpoolHost::Program;
using Step = std::function<void(SpoolHost&)>;

Step append(std::size_t lane, std::size_t events, std::size_t bytes) {
    return [=](SpoolHost& host) { host.append({{lane, events, bytes}}); };
}

Step forward(std::size_t lane, std::size_t read, std::size_t settled) {
    return [=](SpoolHost& host) { host.forward(lane, read, settled); };
}

Step tidy(std::size_t lane) {
    return [=](SpoolHost& host) { host.tidy(lane); };
}

// Everything that happens to segments and ledgers: first ones, growth, rotation, a record larger
// than its segment, several lanes in one commit, settling in the middle and at the end, removal, a
// second life of each program.
const std::vector<Step>& scenario() {
    static const std::vector<Step> steps = {
        append(0, 3, 300),
        forward(0, 2, 1),
        append(1, 1, 20),
        [](SpoolHost& host) {
            host.append({{0, 4, 900}, {1, 2, 40}, {2, 1, 10}});
        },
        forward(0, 5, 5),
        tidy(0),
        append(0, 6, 1500),
        forward(1, 3, 2),
        forward(0, 9, 9),
        tidy(0),
        append(2, 1, 9000),
        append(2, 2, 100),
        forward(2, 5, 5),
        tidy(2),
        [](SpoolHost& host) {
            host.stop(Program::kWriter);
            host.start(Program::kWriter);
        },
        append(0, 2, 700),
        append(1, 1, 30),
        [](SpoolHost& host) {
            host.stop(Program::kReader);
            host.start(Program::kReader);
        },
        forward(0, 9, 4),
        tidy(0),
        forward(1, 9, 9),
        tidy(1),
        append(0, 1, 10),
    };
    return steps;
}

enum class End : std::uint8_t { kKilled, kPowerAll, kPowerSome, kPowerNone };

// The programs that died live again, and the scenario goes on.
void revive(SpoolHost& host, End end) {
    switch (end) {
        case End::kKilled:
            break;
        case End::kPowerAll:
            host.lose_power(Loss::kAll);
            break;
        case End::kPowerSome:
            host.lose_power(Loss::kSome);
            break;
        case End::kPowerNone:
            host.lose_power(Loss::kNone);
            break;
    }
    for (const Program program : {Program::kWriter, Program::kReader})
        if (host.is_dead(program)) host.start(program);
}

// The number of calls that `victim` makes when nobody dies.
std::uint64_t calls_of(Program victim) {
    SpoolHost host(1);
    for (const Step& step : scenario()) step(host);
    const std::uint64_t calls = host.calls(victim);
    REQUIRE_FALSE(host.recover_and_check());
    return calls;
}

// Runs the scenario with a death in call `number` of `victim`, counted over all its lives.
std::optional<std::string> run(Program victim, std::uint64_t number, End end, std::uint64_t seed) {
    SpoolHost host(seed);
    host.die_in_call(victim, number);
    bool has_died = false;
    for (const Step& step : scenario()) {
        step(host);
        if (has_died || host.calls(victim) < number) continue;
        has_died = true;
        revive(host, end);
    }
    if (!has_died) return "nobody died";
    // What was acknowledged must outlive the power as well.
    host.lose_power(Loss::kAll);
    return host.recover_and_check();
}

// Random scenarios.

constexpr int kErrnos[] = {EIO, ENOSPC, EMFILE, EROFS, EDQUOT};

class RandomScenario {
  public:
    explicit RandomScenario(std::uint64_t seed) : host_(seed) {}

    std::optional<std::string> run() {
        const std::uint64_t steps = 20 + host_.disk.random() % 100;
        for (std::uint64_t i = 0; i < steps; ++i) {
            step();
            for (const Program program : {Program::kWriter, Program::kReader})
                if (host_.is_dead(program)) die(program);
        }
        if (chance(2)) host_.lose_power(chance(2) ? Loss::kAll : Loss::kSome);
        return host_.recover_and_check();
    }

  private:
    bool chance(std::uint64_t times) { return host_.disk.is_chance(times); }
    std::size_t below(std::size_t end) { return host_.disk.random() % end; }

    void step() {
        host_.clock.pass_us(below(800'000));
        const std::size_t lane = below(SpoolHost::kLaneCount);
        switch (below(9)) {
            case 0:
            case 1:
            case 2:
                return append();
            case 3:
            case 4:
                return host_.forward(lane, 1 + below(12), below(12));
            case 5:
                return host_.tidy(lane);
            case 6:
                return plan_death();
            case 7:
                return plan_faults();
            default:
                return restart();
        }
    }

    void append() {
        std::vector<SpoolHost::Batch> batches;
        for (std::size_t i = 0; i <= below(3); ++i)
            batches.push_back({below(SpoolHost::kLaneCount), 1 + below(6),
                               chance(20) ? 20'000 : 1 + below(1500)});
        host_.append(batches);
    }

    void plan_death() {
        const Program program = chance(2) ? Program::kWriter : Program::kReader;
        host_.env(program).die_in_call(host_.env(program).calls() + 1 + below(15));
    }

    // For a while calls of one program fail, one in so many; or the disk fills up; or both end.
    void plan_faults() {
        SimEnv& env = host_.env(chance(2) ? Program::kWriter : Program::kReader);
        host_.may_refuse = true;
        host_.may_be_damaged = true;
        host_.disk.capacity_bytes = SimDisk::kUnlimited;
        const std::size_t times = 1 + below(10);
        switch (below(3)) {
            case 0:
                env.fault = nullptr;
                return;
            case 1:
                host_.disk.capacity_bytes = 4096 + below(40'000);
                return;
            default:
                env.fault = [this, times, reason = kErrnos[below(std::size(kErrnos))]](
                                Call, const std::string&) { return chance(times) ? reason : 0; };
        }
    }

    void restart() {
        const Program program = chance(2) ? Program::kWriter : Program::kReader;
        if (chance(2))
            host_.stop(program);
        else
            host_.kill(program);
        host_.start(program);
    }

    void die(Program program) {
        if (chance(2)) {
            host_.kill(program);
            return host_.start(program);
        }
        const Loss losses[] = {Loss::kAll, Loss::kSome, Loss::kNone};
        host_.lose_power(losses[below(3)]);
        host_.start(Program::kWriter);
        host_.start(Program::kReader);
    }

    SpoolHost host_;
};

}  // namespace

TEST_CASE("a death in any call loses nothing that was acknowledged", "[spool][crash]") {
    for (const Program victim : {Program::kWriter, Program::kReader}) {
        const std::uint64_t calls = calls_of(victim);
        REQUIRE(calls > 50);
        for (std::uint64_t number = 1; number <= calls; ++number)
            for (const End end : {End::kKilled, End::kPowerAll, End::kPowerSome, End::kPowerNone}) {
                INFO((victim == Program::kWriter ? "writer" : "reader")
                     << " dies in call " << number << " of " << calls << ", end "
                     << static_cast<int>(end));
                const auto complaint = run(victim, number, end, number);
                if (complaint) FAIL(*complaint);
            }
    }
}

TEST_CASE("random scenarios with failing calls, full disks, deaths", "[spool][crash]") {
    for (const std::uint64_t seed : seeds(250)) {
        const auto complaint = RandomScenario(seed).run();
        INFO("repeat with LB_SEED=" << seed);
        if (complaint) FAIL(*complaint);
    }
}

TEST_CASE("a disk that lies about its syncs is found out", "[spool][crash]") {
    SpoolHost host(1);
    host.disk.is_lying = true;
    for (const Step& step : scenario()) step(host);
    host.lose_power(Loss::kAll);
    CHECK(host.recover_and_check());
}
