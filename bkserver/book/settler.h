// Counts parents anew whose children have changed (design: parents are recounted). The children's
// transactions leave news; the settler takes them, counts all children of each parent, writes its
// state and change row, and hands the new state up as news for the parents above. Any number of
// settlers may work on one database: what two count at once is written by one and repeated by the
// other.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bkserver/store/store.h"
#include "common/base/result.h"

namespace lb::book {

// Read by any thread.
struct SettlerCounters {
    std::uint64_t counted = 0;    // parents
    std::uint64_t children = 0;   // that were looked at
    std::uint64_t changes = 0;    // of a parent's state
    std::uint64_t conflicts = 0;  // repeated because another writer was faster
    std::uint64_t unsettled = 0;  // news seen that this settler could not take
};

class Settler {
  public:
    // `lane`: this writer's own among the writers of the server. `database` outlives the settler.
    static Result<std::unique_ptr<Settler>> open(store::Database& database, std::uint32_t lane);

    // Takes what news there is. Returns how many parents were counted: 0 when there was nothing to
    // do. kRetry: the database is away.
    Result<std::size_t> settle_once(std::int64_t now_us);

    [[nodiscard]] SettlerCounters counters() const;

  private:
    explicit Settler(std::unique_ptr<store::Writer> writer) : writer_(std::move(writer)) {}
    // The news of one parent.
    struct Pile {
        store::ProcessNumber parent = 0;
        std::uint32_t level = 0;
        std::vector<store::News> news;
    };
    Result<std::vector<Pile>> read_piles();
    Status settle(std::span<const Pile> piles, std::int64_t now_us);
    Status count(const Pile& pile, std::int64_t now_us);
    Status count_children(store::Process& row, const Pile& pile, std::int64_t now_us);
    Status hand_up(std::span<const store::Relation> above, const Pile& pile);

    std::unique_ptr<store::Writer> writer_;
    std::atomic<std::uint64_t> counted_ = 0;
    std::atomic<std::uint64_t> children_ = 0;
    std::atomic<std::uint64_t> changes_ = 0;
    std::atomic<std::uint64_t> conflicts_ = 0;
    std::atomic<std::uint64_t> unsettled_ = 0;
};

}  // namespace lb::book
