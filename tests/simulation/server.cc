#include "tests/simulation/server.h"

#include <catch2/catch.hpp>
#include <chrono>

namespace lb::test {

namespace {

// Real time, for the threads of the lanes to settle one batch; they need milliseconds.
constexpr auto kSettleMost = std::chrono::seconds(30);

}  // namespace

void Mailbox::send(lb::v1::FrameType type, const std::string& payload) {
    const std::lock_guard lock(mutex_);
    frames_.emplace_back(type, payload);
    lb::v1::Ack ack;
    if (type == lb::v1::FRAME_TYPE_ACK && ack.ParseFromString(payload))
        acknowledged_ = std::max<std::uint64_t>(acknowledged_, ack.settled_up_to());
    changed_.notify_all();
}

std::deque<std::pair<lb::v1::FrameType, std::string>> Mailbox::take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(frames_, {});
}

void Mailbox::wait_for_ack(std::uint64_t sequence) {
    std::unique_lock lock(mutex_);
    const bool is_over = changed_.wait_for(
        lock, kSettleMost, [&] { return is_given_up_ || acknowledged_ >= sequence; });
    if (!is_over) FAIL("a batch is not settled within " << kSettleMost.count() << " s");
}

void Mailbox::give_up() {
    const std::lock_guard lock(mutex_);
    is_given_up_ = true;
    changed_.notify_all();
}

SimServer::SimServer(World& world, store::Database& database, const book::Policy& policy)
    : world_(world), database_(database), policy_(policy) {
    start();
}

SimServer::~SimServer() {
    kill();
}

void SimServer::start() {
    kill();
    store_ = std::make_unique<FaultyStore>(database_, world_.bug);
    store_->on_death = [this] {
        const std::lock_guard lock(waiting_mutex_);
        if (waiting_ != nullptr) waiting_->give_up();
    };
    registry_ = std::make_unique<metrics::Registry>();
    stamper_ = std::make_unique<ingest::Stamper>("server.example.org");
    ingest::LaneOptions options;
    options.lanes = 1;  // several would race; the tests of the book let them
    options.book.service = kSimService;
    options.book.attempts_max = 2;
    auto lanes = ingest::Lanes::start(*store_, policy_, options, *registry_);
    REQUIRE(lanes.ok());
    lanes_ = std::move(*lanes);
    ++life_;
}

void SimServer::kill() {
    for (const auto& weak : sides_)
        if (const auto side = weak.lock()) side->session->close();
    sides_.clear();
    lanes_.reset();
}

std::shared_ptr<ServerSide> SimServer::accept(const std::string& host) {
    if (!is_up()) return nullptr;
    auto side = std::make_shared<ServerSide>();
    side->life = life_;
    side->mailbox = std::make_shared<Mailbox>();
    lb::v1::Identity identity;
    identity.set_kind(lb::v1::IDENTITY_KIND_CERTIFICATE);
    identity.set_name("/DC=org/DC=example/CN=host/" + host);
    ingest::SessionOptions options;
    options.service = kSimService;
    options.software = "simulated";
    side->session = ingest::Session::make(options, identity, *lanes_, *stamper_, side->mailbox);
    sides_.push_back(side);
    return side;
}

bool SimServer::take(ServerSide& side, lb::v1::FrameType type, const std::string& payload) {
    if (!is_up() || side.life != life_) return false;
    if (type == lb::v1::FRAME_TYPE_BATCH && !world_.is_calm && world_.is_chance(8)) {
        const auto verbs = static_cast<std::uint32_t>(1 + world_.below(14));
        if (world_.is_chance(2))
            store_->die_after(verbs);
        else
            store_->fail_after(verbs, world_.is_chance(2));
    }
    {
        const std::lock_guard lock(waiting_mutex_);
        waiting_ = side.mailbox.get();
    }
    const Status taken = side.session->on_frame(type, payload);
    if (taken.ok() && type == lb::v1::FRAME_TYPE_BATCH) {
        lb::v1::Batch batch;
        REQUIRE(batch.ParseFromString(payload));
        side.received += static_cast<std::uint64_t>(batch.envelopes_size());
        side.mailbox->wait_for_ack(side.received);
    }
    {
        const std::lock_guard lock(waiting_mutex_);
        waiting_ = nullptr;
    }
    if (!store_->is_dead()) return taken.ok();
    kill();
    world_.after(world_.below(20 * kSecondUs), [this] { start(); });
    return false;
}

void SimServer::tick() {
    for (const auto& weak : sides_)
        if (const auto side = weak.lock()) {
            side->session->on_tick();
            side->session->give_credit();
        }
}

}  // namespace lb::test
