// A simulated disk, and the Env of a process over it. The disk keeps what a cautious kernel
// promises and not more: a file's bytes once they are synced, a name once its directory is synced.
// When the power goes, the rest goes with it, wholly or by chance; when only a process dies, all of
// it stays. Everything that is left to chance comes from a seed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/env/env.h"

namespace lb::test {

// What becomes of writes that nobody synced when the power goes.
enum class Loss : std::uint8_t {
    kAll,   // every one is lost
    kSome,  // each sector and each change of a directory stays or goes by chance
    kNone,  // all had reached the disk in time
};

enum class Call : std::uint8_t {
    kOpen,
    kCreate,
    kRead,
    kWrite,
    kSync,
    kTruncate,
    kSize,
    kMakeDirectory,
    kHasDirectory,
    kSyncDirectory,
    kList,
    kRename,
    kRemove,
    kFreeBytes,
};

class SimDisk {
  public:
    explicit SimDisk(std::uint64_t seed) : random_(seed) {}

    void lose_power(Loss loss);
    std::uint64_t random() { return random_(); }
    // True once in `times`, on average.
    bool is_chance(std::uint64_t times) { return random_() % times == 0; }

    // A sync that says ok and does nothing: for tests that the checkers notice.
    bool is_lying = false;
    static constexpr std::uint64_t kUnlimited = std::uint64_t{1} << 40;
    std::uint64_t capacity_bytes = kUnlimited;

  private:
    friend class SimEnv;
    friend class SimFile;

    struct Inode {
        std::string bytes;                 // as every process sees them
        std::string durable;               // as the disk has them
        std::set<std::uint64_t> unsynced;  // sectors

        void touch(std::uint64_t begin, std::uint64_t end);
        void sync();
        void lose(Loss loss, std::mt19937_64& random);
    };
    struct Directory;
    struct Node {
        std::shared_ptr<Inode> file;
        std::shared_ptr<Directory> directory;
    };
    // A name and what it stands for from then on; nothing: it is removed.
    using Change = std::vector<std::pair<std::string, Node>>;
    struct Directory {
        std::map<std::string, Node> entries;
        std::map<std::string, Node> durable;
        std::vector<Change> unsynced;  // each of them stays or goes as one

        void apply(Change change);
        void lose(Loss loss, std::mt19937_64& random);
    };

    static void apply_to(std::map<std::string, Node>& entries, const Change& change);
    [[nodiscard]] Node find(const std::string& path) const;
    [[nodiscard]] std::shared_ptr<Directory> directory_of(const std::string& path) const;
    [[nodiscard]] std::uint64_t free_bytes() const;

    std::mt19937_64 random_;
    std::shared_ptr<Directory> root_ = std::make_shared<Directory>();
};

// Time of one host: it stands still until the test moves it.
struct SimClock {
    std::int64_t now_us = 1'795'521'600'000'000;  // 2026-11-24 12:00:00 UTC
    std::uint64_t monotonic_us = 1'000'000'000;

    void pass_us(std::uint64_t microseconds) {
        now_us += static_cast<std::int64_t>(microseconds);
        monotonic_us += microseconds;
    }
};

// One life of one process. Disk and clock outlive it.
class SimEnv final : public env::Env {
  public:
    SimEnv(SimDisk& disk, SimClock& clock) : disk_(disk), clock_(clock) {}

    // The process dies in its call of this number (from 1): a write is half done then, anything
    // else not at all. From there on every call fails, and the test believes nothing the process
    // says.
    void die_in_call(std::uint64_t number) { dies_in_call_ = number; }
    void die() { is_dead_ = true; }
    [[nodiscard]] bool is_dead() const { return is_dead_; }
    [[nodiscard]] std::uint64_t calls() const { return calls_; }

    // Asked before each call: the errno that it fails with; 0 = none. May be empty.
    std::function<int(Call call, const std::string& path)> fault;

    Result<std::unique_ptr<env::File>> open_file(const std::string& path,
                                                 env::OpenMode mode) override;
    Status make_directory(const std::string& path) override;
    Result<bool> has_directory(const std::string& path) override;
    Status sync_directory(const std::string& path) override;
    Result<std::vector<std::string>> list_directory(const std::string& path) override;
    Status rename_file(const std::string& source, const std::string& target) override;
    Status remove_file(const std::string& path) override;
    Result<std::uint64_t> free_bytes(const std::string& path) override;
    std::int64_t now_us() override { return clock_.now_us; }
    std::uint64_t monotonic_us() override { return clock_.monotonic_us; }
    void fill_random(std::span<char> buffer) override;

  private:
    friend class SimFile;

    // Counts a call. An error: the process is dead, dies now, or the call fails.
    Status enter(Call call, const std::string& path);

    SimDisk& disk_;
    SimClock& clock_;
    std::uint64_t calls_ = 0;
    std::uint64_t dies_in_call_ = 0;
    bool is_dead_ = false;
};

}  // namespace lb::test
