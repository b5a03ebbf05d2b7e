// A host whose two programs, the writer and the reader of a spool, die and live again over one
// simulated disk. It remembers what was acknowledged and what the server got, and checks promise 1:
// what was acknowledged arrives at least once, nothing is invented, each lane keeps its order.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/spool/spool_reader.h"
#include "common/spool/spool_writer.h"
#include "tests/support/sim_disk.h"

namespace lb::test {

class SpoolHost {
  public:
    enum class Program : std::uint8_t { kWriter, kReader };

    static constexpr std::size_t kLaneCount = 3;

    explicit SpoolHost(std::uint64_t seed);
    ~SpoolHost();

    // Programs.
    void start(Program program);
    // Segments are sealed, the ledger is synced.
    void stop(Program program);
    void kill(Program program);
    // Both programs end; they must be started again.
    void lose_power(Loss loss);
    SimEnv& env(Program program) { return *envs_.at(program); }
    [[nodiscard]] bool is_dead(Program program) const;
    // Calls of a program to its disk, in all its lives.
    [[nodiscard]] std::uint64_t calls(Program program) const;
    // Before its first step: it dies in the call of this number, in whichever life that comes.
    void die_in_call(Program program, std::uint64_t number);

    // Steps. A program that is dead does nothing.
    struct Batch {
        std::size_t lane = 0;
        std::size_t events = 1;
        std::size_t bytes = 100;  // of each
    };
    void append(const std::vector<Batch>& batches);
    // Reads so many events of a lane, has the server take the first `settled` of them, settles
    // those.
    void forward(std::size_t lane, std::size_t read, std::size_t settled);
    void tidy(std::size_t lane);

    // Whether something may be refused or damaged: faults were made, or sectors were lost by
    // chance.
    bool may_refuse = false;
    bool may_be_damaged = false;

    // New lives without faults: everything that is left goes to the server, then all must hold.
    // Nothing, or what does not hold.
    std::optional<std::string> recover_and_check();

    SimDisk disk;
    SimClock clock;

  private:
    struct Attempt {
        std::size_t lane = 0;
        std::string payload;
        bool is_acknowledged = false;
        bool is_received = false;  // by the server
    };
    struct Reading {
        std::unique_ptr<spool::LaneReader> reader;
        std::uint64_t last_number = 0;  // of an attempt, in this life of the reader
    };

    Reading* reading(std::size_t lane);
    std::optional<std::uint64_t> receive(std::size_t lane, const spool::Record& record);
    void complain(const std::string& what);
    void drain(std::size_t lane);
    void check_left_over(std::size_t lane);

    std::map<Program, std::unique_ptr<SimEnv>> envs_;
    std::map<Program, std::uint64_t> calls_before_;  // of its lives that are over
    std::map<Program, std::uint64_t> dies_in_call_;
    std::unique_ptr<spool::SpoolWriter> writer_;
    std::map<std::size_t, Reading> readings_;
    std::map<std::uint64_t, Attempt> attempts_;  // numbered from 1 in the order of their appends
    std::optional<std::string> complaint_;       // the first
};

}  // namespace lb::test
