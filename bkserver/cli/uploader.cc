#include "bkserver/cli/uploader.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include "common/base/limits.h"

namespace lb::cli {

namespace {

constexpr std::size_t kBatchEvents = 512;
constexpr std::size_t kBatchBytes = 1024 * 1024;
// Before events go again for which the server had no room.
constexpr std::chrono::milliseconds kRetryPause{100};

}  // namespace

Uploader::Uploader(BatchPeer& peer, Credit credit, OnSettled on_settled)
    : peer_(peer), on_settled_(std::move(on_settled)), credit_(credit) {}

Status Uploader::add(Upload upload) {
    waiting_bytes_ += upload.envelope.size();
    waiting_.push_back(std::move(upload));
    if (waiting_.size() < kBatchEvents && waiting_bytes_ < kBatchBytes) return {};
    return send_waiting();
}

Status Uploader::finish() {
    while (!waiting_.empty() || !sent_.empty()) {
        if (waiting_.empty())
            LB_TRY(take_ack());
        else
            LB_TRY(send_waiting());
    }
    return {};
}

// How many of those that wait the credit allows now. One may always go when nothing is unsettled.
std::size_t Uploader::sendable() const {
    const std::size_t most = std::min<std::size_t>(kBatchEvents, waiting_.size());
    if (credit_.events == 0) return 0;
    std::size_t count = 0;
    std::size_t bytes = sent_bytes_;
    while (count < most && sent_.size() + count < credit_.events) {
        bytes += waiting_[count].envelope.size();
        if (bytes > credit_.bytes && sent_.size() + count > 0) break;
        if (count > 0 && bytes - sent_bytes_ > kBatchBytes) break;
        ++count;
    }
    return count;
}

Status Uploader::send_waiting() {
    if (must_pause_) std::this_thread::sleep_for(kRetryPause);
    must_pause_ = false;
    while (sendable() == 0) LB_TRY(take_ack());
    const std::size_t count = sendable();
    lb::v1::Batch batch;
    batch.set_first_sequence(settled_up_to_ + sent_.size() + 1);
    for (std::size_t i = 0; i < count; ++i) {
        Upload& upload = waiting_[i];
        batch.add_envelopes(upload.envelope);
        sent_bytes_ += upload.envelope.size();
        waiting_bytes_ -= upload.envelope.size();
        sent_.push_back(std::move(upload));
    }
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    return peer_.send_batch(batch);
}

Status Uploader::take_ack() {
    LB_TRY_ASSIGN(const lb::v1::Ack ack, peer_.next_ack());
    if (ack.settled_up_to() > settled_up_to_ + sent_.size())
        return Error{ErrorCode::kCorrupt, "the server acknowledged events that were not sent"};
    std::map<std::uint64_t, const lb::v1::AckException*> exceptions;
    for (const auto& exception : ack.exceptions()) exceptions[exception.sequence()] = &exception;
    while (settled_up_to_ < ack.settled_up_to()) {
        Upload upload = std::move(sent_.front());
        sent_.pop_front();
        sent_bytes_ -= upload.envelope.size();
        const auto found = exceptions.find(++settled_up_to_);
        if (found == exceptions.end()) {
            on_settled_(std::move(upload), lb::v1::VERDICT_ACCEPTED, {});
        } else if (found->second->verdict() == lb::v1::VERDICT_RETRY) {
            must_pause_ = true;
            waiting_bytes_ += upload.envelope.size();
            waiting_.push_back(std::move(upload));
        } else {
            on_settled_(std::move(upload), found->second->verdict(), found->second->reason());
        }
    }
    credit_ = {ack.credit_events(), ack.credit_bytes()};
    return {};
}

}  // namespace lb::cli
