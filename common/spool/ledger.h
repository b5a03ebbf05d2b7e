// The ledger of a lane: up to where everything is settled. Two slots, written in turn, each with a
// checksum and a generation, so that a torn write leaves the one before. Written by lb-interlogd
// only. Losing the last write only means that events are sent again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/env/env.h"
#include "common/spool/spool_format.h"

namespace lb::spool {

inline constexpr std::size_t kLedgerSlotBytes = 512;  // a sector each, so that tearing hits one

// The settled position in the ledger of `lane_directory`: {0, 0} when there is no ledger yet;
// kCorrupt when both slots are broken.
Result<Position> read_settled(env::Env& env, const std::string& lane_directory);

// One thread at a time.
class Ledger {
  public:
    // Makes the file if there is none.
    static Result<std::unique_ptr<Ledger>> open(env::Env& env, const std::string& lane_directory);

    [[nodiscard]] Position settled() const { return settled_; }
    // Never moves back. Written, not synced.
    Status settle(Position position);
    // Durable: must succeed before a segment that the ledger has passed is removed.
    Status sync();

  private:
    explicit Ledger(std::unique_ptr<env::File> file) : file_(std::move(file)) {}
    Status write(std::uint64_t generation, Position settled);

    std::unique_ptr<env::File> file_;
    Position settled_;
    std::uint64_t generation_ = 0;
    bool is_dirty_ = false;
    bool has_sync_failed_ = false;
};

}  // namespace lb::spool
