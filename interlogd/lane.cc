#include "interlogd/lane.h"

namespace lb::interlogd {

Result<std::vector<Parcel>> Lane::read(const spool::ReadLimits& limits) {
    LB_TRY_ASSIGN(auto records, reader_->read(limits));
    std::vector<Parcel> parcels;
    parcels.reserve(records.size());
    for (spool::Record& record : records) {
        open_.push_back({record.end, record.appended_us, false});
        parcels.push_back({.lane = lane_,
                           .number = first_number_ + open_.size() - 1,
                           .appended_us = record.appended_us,
                           .envelope = std::move(record.payload)});
    }
    return parcels;
}

Status Lane::settle(std::uint64_t number) {
    LB_ASSERT(number >= first_number_ && number - first_number_ < open_.size());
    open_[number - first_number_].is_settled = true;
    std::optional<spool::Position> end;
    while (!open_.empty() && open_.front().is_settled) {
        end = open_.front().end;
        open_.pop_front();
        ++first_number_;
    }
    if (!end) return {};
    unsaved_ = end;
    return save();
}

Status Lane::save() {
    if (!unsaved_) return {};
    LB_TRY(reader_->settle(*unsaved_));
    unsaved_.reset();
    return {};
}

void Lane::rewind() {
    first_number_ += open_.size();
    open_.clear();
    unsaved_.reset();
    reader_->rewind(reader_->settled());
}

// The reader moves by itself too: when it comes to the end of a segment that is settled already.
Status Lane::tidy() {
    LB_TRY(save());
    if (tidied_ == reader_->settled()) return {};
    LB_TRY(reader_->sync_ledger());
    LB_TRY(reader_->remove_settled());
    tidied_ = reader_->settled();
    return {};
}

}  // namespace lb::interlogd
