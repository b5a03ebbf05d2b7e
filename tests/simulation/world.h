// The time of a simulation: what is to happen, in its order, and the chance that decides. Nothing
// happens between two entries, so a seed gives the same history each time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <random>

namespace lb::test {

inline constexpr std::uint64_t kMsUs = 1000;
inline constexpr std::uint64_t kSecondUs = 1'000'000;

// A promise of the design, broken on purpose in a fake, so that the checkers can prove themselves.
enum class Bug : std::uint8_t {
    kNone,
    kDiskForgetsSyncs,        // 1: the host's disk says "synced" and is not
    kNetworkForgesAcks,       // 1: an ACK for what the server never got
    kStoreForgetsCommits,     // 1: a commit says ok and is rolled back
    kNetworkRenamesEvents,    // 2: a repeated event travels under a fresh id
    kStoreKeepsOldRegisters,  // 3: registers are not those of the stored events
    kStoreDropsEvents,        // 4: a status is decided by an event that nobody can be shown
    kStoreChokesOnOneEvent,   // 5: a single event kills the server each time it comes
    kDiskWaitsForNetwork,     // 6: nothing is taken from producers while the network is away
    kMemoryHasNoEnd,          // 7: the bound on events in memory is not there
    kPolicyAllowsAll,         // 8: who may not log logs all the same
};

class World {
  public:
    explicit World(std::uint64_t seed, Bug broken = Bug::kNone) : bug(broken), random_(seed) {}

    [[nodiscard]] std::uint64_t now_us() const { return now_us_; }
    void after(std::uint64_t microseconds, std::function<void()> what) {
        entries_.emplace(now_us_ + microseconds, std::move(what));
    }
    // Everything that is due in the next `microseconds`.
    void pass(std::uint64_t microseconds) {
        const std::uint64_t end_us = now_us_ + microseconds;
        while (!entries_.empty() && entries_.begin()->first <= end_us) {
            auto entry = entries_.extract(entries_.begin());
            now_us_ = entry.key();
            entry.mapped()();
        }
        now_us_ = end_us;
    }

    std::uint64_t below(std::uint64_t end) { return random_() % end; }
    bool is_chance(std::uint64_t times) { return below(times) == 0; }

    const Bug bug;
    bool is_calm = false;  // no more faults: everything must come to its end

  private:
    std::mt19937_64 random_;
    std::uint64_t now_us_ = 0;
    std::multimap<std::uint64_t, std::function<void()>> entries_;  // equal times keep their order
};

}  // namespace lb::test
