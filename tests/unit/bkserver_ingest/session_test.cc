// Sessions and lanes when the queues are full, and when the server stops.
#include "bkserver/ingest/session.h"

#include <catch2/catch.hpp>
#include <future>

#include "bkserver/store/mariadb/database.h"
#include "common/base/assert.h"
#include "tests/support/event_builder.h"
#include "tests/support/private_mariadb.h"

using namespace lb;
using lb::test::EventBuilder;

namespace {

constexpr char kService[] = "lb.example.org:9000";

// Holds the lanes up in their transaction until it is opened.
class Gate : public book::Policy {
  public:
    book::Decision may_log(const book::PolicyQuestion&) const override {
        opened_.wait();
        return {true, {}};
    }
    book::Decision may_adopt(const book::PolicyQuestion&) const override { return {true, {}}; }
    void open() { open_.set_value(); }

  private:
    std::promise<void> open_;
    std::shared_future<void> opened_ = open_.get_future().share();
};

// What one peer was sent.
class Heard : public ingest::Outlet {
  public:
    void send(v1::FrameType type, const std::string& payload) override {
        const std::lock_guard lock(mutex_);
        if (type == v1::FRAME_TYPE_HELLO_REPLY) LB_ASSERT(hello.ParseFromString(payload));
        if (type == v1::FRAME_TYPE_ACK) LB_ASSERT(ack.ParseFromString(payload));
        if (type != v1::FRAME_TYPE_LOG_REPLY) return;
        v1::LogReply reply;
        LB_ASSERT(reply.ParseFromString(payload));
        logged.set_value(reply);
    }
    v1::HelloReply hello;
    v1::Ack ack;  // the last one
    std::promise<v1::LogReply> logged;

  private:
    std::mutex mutex_;
};

struct Server {
    Server() {
        auto opened = store::mariadb::MariadbDatabase::open(
            {test::PrivateMariadb::shared().fresh_dsn(), "first", kService});
        REQUIRE(opened.ok());
        database = std::move(*opened);
        ingest::LaneOptions options;
        options.lanes = 1;
        options.queue_bytes_max = 1'000;
        options.book.service = kService;
        session_options.service = kService;
        auto started = ingest::Lanes::start(*database, gate, options, registry);
        REQUIRE(started.ok());
        lanes = std::move(*started);
    }
    std::shared_ptr<ingest::Session> greet(const std::shared_ptr<Heard>& heard,
                                           const std::string& software = "test 1") {
        v1::Identity peer;
        peer.set_kind(v1::IDENTITY_KIND_CERTIFICATE);
        peer.set_name("/O=lb/CN=host/node1.example.org");
        auto session = ingest::Session::make(session_options, peer, *lanes, stamper, heard);
        v1::Hello hello;
        hello.set_version_min(1);
        hello.set_version_max(1);
        hello.set_software(software);
        REQUIRE(session->on_frame(v1::FRAME_TYPE_HELLO, hello.SerializeAsString()).ok());
        return session;
    }

    ingest::SessionOptions session_options;
    Gate gate;
    std::unique_ptr<store::Database> database;
    metrics::Registry registry;
    ingest::Stamper stamper{"lb.example.org"};
    std::unique_ptr<ingest::Lanes> lanes;
};

EventBuilder stop_event(std::string_view id, std::size_t reason_bytes) {
    EventBuilder builder(event::EventType::kVMStop, event::Source::kVmManager,
                         "libvirt-uuid:/6b1a2a9e-0000-4000-8000-000000000001");
    builder.id(id).field("reason", std::string(reason_bytes, 'x'));
    return builder;
}

std::string batch(std::uint64_t first, const std::vector<EventBuilder>& events) {
    v1::Batch batch;
    batch.set_first_sequence(first);
    for (const EventBuilder& event : events)
        batch.add_envelopes(event.envelope().SerializeAsString());
    return batch.SerializeAsString();
}

}  // namespace

TEST_CASE("who finds the queues full gets no credit, so that he does not ask again and again") {
    Server server;
    const auto heard = std::make_shared<Heard>();
    const auto session = server.greet(heard);
    CHECK(heard->hello.credit_events() > 0);
    // The first fits; the second is larger than what is left, and goes as the last one.
    const std::string events = batch(1, {stop_event("a", 100), stop_event("b", 5'000)});
    REQUIRE(session->on_frame(v1::FRAME_TYPE_BATCH, events).ok());
    CHECK(server.lanes->room().bytes == 0);
    const auto other_heard = std::make_shared<Heard>();
    const auto other = server.greet(other_heard);
    CHECK(other_heard->hello.credit_events() == 0);
    const std::string more = batch(1, {stop_event("c", 100)});
    REQUIRE(other->on_frame(v1::FRAME_TYPE_BATCH, more).ok());
    REQUIRE(other_heard->ack.exceptions_size() == 1);
    CHECK(other_heard->ack.exceptions(0).verdict() == v1::VERDICT_RETRY);
    CHECK(other_heard->ack.exceptions(0).has_no_room());
    CHECK(other_heard->ack.credit_events() == 0);
    server.gate.open();
    for (int i = 0; i < 1000 && server.lanes->room().bytes == 0; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    other->give_credit();
    CHECK(other_heard->ack.credit_events() > 0);
    server.lanes->stop();
    CHECK(heard->ack.settled_up_to() == 2);
    CHECK(heard->ack.exceptions_size() == 0);
}

TEST_CASE("those who are sending share the room; who is silent takes nothing away") {
    Server server;
    const auto silent = server.greet(std::make_shared<Heard>());
    const auto alone = std::make_shared<Heard>();
    const auto first = server.greet(alone);
    CHECK(alone->hello.credit_bytes() == server.lanes->room().bytes);
    REQUIRE(first->on_frame(v1::FRAME_TYPE_BATCH, batch(1, {stop_event("a", 100)})).ok());
    const auto room = server.lanes->room();
    REQUIRE(room.bytes > 0);
    const auto other = std::make_shared<Heard>();
    const auto second = server.greet(other);
    CHECK(other->hello.credit_bytes() == room.bytes / 2);
    server.gate.open();
    server.lanes->stop();
}

TEST_CASE("a peer keeps to its credit of bytes; one event may always come, however large") {
    Server server;
    server.gate.open();
    server.session_options.window_bytes = 3'000;
    const auto session = server.greet(std::make_shared<Heard>());
    REQUIRE(session->on_frame(v1::FRAME_TYPE_BATCH, batch(1, {stop_event("a", 5'000)})).ok());
    const auto other = server.greet(std::make_shared<Heard>());
    const Status status = other->on_frame(
        v1::FRAME_TYPE_BATCH, batch(1, {stop_event("b", 2'000), stop_event("c", 2'000)}));
    REQUIRE_FALSE(status.ok());
    CHECK(status.error().code == ErrorCode::kFull);
    server.lanes->stop();
}

TEST_CASE("lanes that have stopped take nothing; whoever still sends is told to try again") {
    Server server;
    server.gate.open();
    const auto heard = std::make_shared<Heard>();
    const auto session = server.greet(heard);
    server.lanes->stop();
    REQUIRE(session->on_frame(v1::FRAME_TYPE_BATCH, batch(1, {stop_event("a", 100)})).ok());
    REQUIRE(heard->ack.exceptions_size() == 1);
    CHECK(heard->ack.exceptions(0).verdict() == v1::VERDICT_RETRY);
    CHECK(heard->ack.credit_events() == 0);
    session->give_credit();
    CHECK(heard->ack.credit_events() == 0);
}

TEST_CASE("what a peer tells of itself is kept in bounds") {
    Server server;
    server.gate.open();
    const auto session = server.greet(std::make_shared<Heard>(), std::string(1'000'000, 'x'));
    CHECK(session->report().software.size() == 255);
}

TEST_CASE("an event that a client logs here is stamped with this boot") {
    Server server;
    v1::Envelope envelope = stop_event("a", 10).envelope();
    envelope.clear_acceptance();
    envelope.set_program("of its own host");
    const auto stamped = server.stamper.stamp(envelope.SerializeAsString(), {});
    REQUIRE(stamped.ok());
    CHECK(stamped->acceptance().boot_id().size() == 16);
    CHECK(stamped->program().empty());
    server.gate.open();
}
