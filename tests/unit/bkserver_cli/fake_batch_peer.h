// The server at the other end of an Uploader, played by a test.
#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <vector>

#include "bkserver/cli/uploader.h"

namespace lb::test {

// Settles what it was sent as `verdict_of` says, so many events with each ack, and watches that
// nobody outruns the credit that it gave last.
class FakeBatchPeer final : public cli::BatchPeer {
  public:
    cli::Credit credit{1000, 1'000'000};
    std::function<v1::Verdict(const std::string&)> verdict_of = [](const std::string&) {
        return v1::VERDICT_ACCEPTED;
    };
    std::function<std::size_t()> events_per_ack = [] { return std::size_t{1'000'000}; };
    // Of the ack that is about to go out.
    std::function<cli::Credit()> next_credit = [this] { return credit; };

    std::vector<std::size_t> batches;  // events in each
    std::size_t acks = 0;

    Status send_batch(const v1::Batch& batch) override {
        CHECK(batch.first_sequence() == settled_ + unsettled_.size() + 1);
        batches.push_back(static_cast<std::size_t>(batch.envelopes_size()));
        for (const std::string& envelope : batch.envelopes()) {
            unsettled_bytes_ += envelope.size();
            unsettled_.push_back(envelope);
        }
        CHECK(unsettled_.size() <= credit.events);
        CHECK((unsettled_bytes_ <= credit.bytes || unsettled_.size() == 1));
        return {};
    }

    Result<v1::Ack> next_ack() override {
        ++acks;
        v1::Ack ack;
        for (std::size_t left = events_per_ack(); left > 0 && !unsettled_.empty(); --left) {
            ++settled_;
            if (const v1::Verdict verdict = verdict_of(unsettled_.front());
                verdict != v1::VERDICT_ACCEPTED) {
                v1::AckException& exception = *ack.add_exceptions();
                exception.set_sequence(settled_);
                exception.set_verdict(verdict);
                exception.set_reason("because of " + unsettled_.front());
            }
            unsettled_bytes_ -= unsettled_.front().size();
            unsettled_.erase(unsettled_.begin());
        }
        credit = next_credit();
        ack.set_settled_up_to(settled_);
        ack.set_credit_events(credit.events);
        ack.set_credit_bytes(credit.bytes);
        return ack;
    }

  private:
    std::vector<std::string> unsettled_;
    std::size_t unsettled_bytes_ = 0;
    std::uint64_t settled_ = 0;
};

}  // namespace lb::test
