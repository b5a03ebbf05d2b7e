// One lane of a destination: records read from the spool, in order, until they are settled.
// Verdicts may come in any order; the spool learns of the beginning that is settled without a gap.
// The invariant: what the spool is told of is settled, all of it.
#pragma once

#include <boost/container/deque.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/spool/spool_reader.h"

namespace lb::interlogd {

// A record on its way. Its number is its place in the lane since the last rewind.
struct Parcel {
    spool::Lane lane = spool::Lane::kBulk;
    std::uint64_t number = 0;
    std::int64_t appended_us = 0;
    // When the receiver could not settle it.
    bool is_retried = false;
    std::uint32_t failures = 0;            // that count against it
    std::uint64_t settled_at_failure = 0;  // how many others had been settled at the last one
    std::string envelope;
};

class Lane {
  public:
    Lane(spool::Lane lane, std::unique_ptr<spool::LaneReader> reader)
        : lane_(lane), reader_(std::move(reader)) {}

    // The next records, oldest first.
    Result<std::vector<Parcel>> read(const spool::ReadLimits& limits);
    // The parcel of this number has its final verdict. A failure is made good by tidy().
    Status settle(std::uint64_t number);
    // Everything that is not settled will be read again.
    void rewind();

    // Once a second: makes the settled position durable and removes segments behind it.
    Status tidy();

    [[nodiscard]] std::size_t unsettled() const { return open_.size(); }
    // When the oldest unsettled record that was read had been accepted; 0: none.
    [[nodiscard]] std::int64_t oldest_us() const {
        return open_.empty() ? 0 : open_.front().appended_us;
    }
    [[nodiscard]] spool::LaneReader& reader() { return *reader_; }

  private:
    struct Open {
        spool::Position end;
        std::int64_t appended_us = 0;
        bool is_settled = false;
    };

    Status save();

    spool::Lane lane_;
    std::unique_ptr<spool::LaneReader> reader_;
    boost::container::deque<Open> open_;      // read and not settled without a gap
    std::uint64_t first_number_ = 0;          // of open_.front()
    std::optional<spool::Position> tidied_;   // the settled position of the last tidy()
    std::optional<spool::Position> unsaved_;  // settled, and the spool could not be told
};

}  // namespace lb::interlogd
