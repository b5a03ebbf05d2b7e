// A server played by a test: what the queue sends is written down, and the test answers.
#pragma once

#include <catch2/catch.hpp>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "interlogd/link.h"
#include "lb/v1/envelope.pb.h"
#include "lb/v1/wire.pb.h"

namespace lb::test {

// One connection as the test sees it.
struct FakeConnection {
    spool::Destination destination;
    interlogd::LinkListener* listener = nullptr;  // null: the queue dropped the link
    std::vector<std::pair<std::uint8_t, std::string>> frames;
    std::size_t queued_bytes = 0;

    void open() const { listener->on_link_open(); }
    void close(const Error& why = {ErrorCode::kRetry, "cut by the test"}) {
        std::exchange(listener, nullptr)->on_link_closed(why);
    }
    void send(v1::FrameType type, const std::string& payload) const {
        listener->on_link_frame(static_cast<std::uint8_t>(type), payload);
    }
    void greet(std::uint64_t credit_events = 1000, std::uint64_t credit_bytes = 1 << 20) const {
        v1::HelloReply reply;
        reply.set_version(1);
        reply.set_software("fake 1");
        reply.set_frame_bytes_max(8 << 20);
        reply.set_batch_events_max(100);
        reply.set_credit_events(credit_events);
        reply.set_credit_bytes(credit_bytes);
        reply.set_keepalive_seconds(10);
        send(v1::FRAME_TYPE_HELLO_REPLY, reply.SerializeAsString());
    }
    void ack(std::uint64_t up_to,
             std::vector<std::pair<std::uint64_t, v1::Verdict>> exceptions = {},
             std::uint64_t credit_events = 1000, bool has_no_room = false) const {
        v1::Ack ack;
        ack.set_settled_up_to(up_to);
        for (const auto& [sequence, verdict] : exceptions) {
            v1::AckException& exception = *ack.add_exceptions();
            exception.set_sequence(sequence);
            exception.set_verdict(verdict);
            exception.set_reason("because");
            exception.set_has_no_room(has_no_room);
        }
        ack.set_credit_events(credit_events);
        ack.set_credit_bytes(1 << 20);
        send(v1::FRAME_TYPE_ACK, ack.SerializeAsString());
    }
    // Event ids of the batches sent so far, in their order.
    [[nodiscard]] std::vector<std::string> events() const {
        std::vector<std::string> ids;
        std::uint64_t next = 0;
        for (const auto& [type, payload] : frames) {
            if (type != v1::FRAME_TYPE_BATCH) continue;
            v1::Batch batch;
            REQUIRE(batch.ParseFromString(payload));
            if (next != 0) CHECK(batch.first_sequence() == next);
            next = batch.first_sequence() + static_cast<std::uint64_t>(batch.envelopes_size());
            for (const std::string& bytes : batch.envelopes()) {
                v1::Envelope envelope;
                REQUIRE(envelope.ParseFromString(bytes));
                ids.push_back(envelope.event_id());
            }
        }
        return ids;
    }
    template <typename Message>
    [[nodiscard]] std::vector<Message> all(v1::FrameType type) const {
        std::vector<Message> found;
        for (const auto& [number, payload] : frames)
            if (number == type) REQUIRE(found.emplace_back().ParseFromString(payload));
        return found;
    }
};

class FakeLinks final : public interlogd::LinkMaker {
  public:
    std::unique_ptr<interlogd::Link> dial(const spool::Destination& destination,
                                          interlogd::LinkListener& listener) override {
        connections.push_back({destination, &listener, {}, 0});
        return std::make_unique<FakeLink>(connections.back());
    }
    FakeConnection& last() { return connections.back(); }

    std::deque<FakeConnection> connections;  // all that were dialled

  private:
    class FakeLink final : public interlogd::Link {
      public:
        explicit FakeLink(FakeConnection& connection) : connection_(connection) {}
        ~FakeLink() override { connection_.listener = nullptr; }
        void send(std::uint8_t type, const std::string& payload) override {
            connection_.frames.emplace_back(type, payload);
        }
        void set_idle_timeout_ms(std::int64_t) override {}
        [[nodiscard]] std::size_t queued_bytes() const override { return connection_.queued_bytes; }

      private:
        FakeConnection& connection_;
    };
};

}  // namespace lb::test
