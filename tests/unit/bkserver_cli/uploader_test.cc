// The uploader against a server that a test plays: order, credit, verdicts, repeats.
#include "bkserver/cli/uploader.h"

#include <catch2/catch.hpp>
#include <functional>
#include <random>

#include "tests/unit/bkserver_cli/fake_batch_peer.h"

using namespace lb;
using namespace lb::cli;
using lb::test::FakeBatchPeer;

namespace {

struct Settled {
    Upload upload;
    v1::Verdict verdict;
    std::string reason;
};

struct Sender {
    explicit Sender(BatchPeer& peer, Credit credit)
        : uploader(peer, credit,
                   [this](Upload upload, v1::Verdict verdict, const std::string& reason) {
                       settled.push_back({std::move(upload), verdict, reason});
                   }) {}

    std::vector<Settled> settled;
    Uploader uploader;
};

Upload upload(std::uint64_t line, std::size_t bytes = 10) {
    std::string envelope = std::to_string(line);
    envelope.resize(bytes, '.');
    return {envelope, line, "line " + std::to_string(line)};
}

}  // namespace

TEST_CASE("events go out in full batches and come back with their lines") {
    FakeBatchPeer server;
    Sender sender(server, server.credit);
    for (std::uint64_t line = 1; line <= 600; ++line)
        REQUIRE(sender.uploader.add(upload(line)).ok());
    CHECK(server.batches == std::vector<std::size_t>{512});
    REQUIRE(sender.uploader.finish().ok());
    CHECK(server.batches == std::vector<std::size_t>{512, 88});
    REQUIRE(sender.settled.size() == 600);
    for (std::uint64_t line = 1; line <= 600; ++line) {
        CHECK(sender.settled[line - 1].upload.line == line);
        CHECK(sender.settled[line - 1].upload.text == "line " + std::to_string(line));
        CHECK(sender.settled[line - 1].verdict == v1::VERDICT_ACCEPTED);
    }
    REQUIRE(sender.uploader.finish().ok());  // nothing is left
    CHECK(server.acks <= 2);
}

TEST_CASE("what was refused says why, and is none of the others' business") {
    FakeBatchPeer server;
    server.verdict_of = [](const std::string& envelope) {
        return envelope.starts_with("3.")   ? v1::VERDICT_DENIED
               : envelope.starts_with("5.") ? v1::VERDICT_DUPLICATE
                                            : v1::VERDICT_ACCEPTED;
    };
    Sender sender(server, server.credit);
    for (std::uint64_t line = 1; line <= 6; ++line) REQUIRE(sender.uploader.add(upload(line)).ok());
    REQUIRE(sender.uploader.finish().ok());
    REQUIRE(sender.settled.size() == 6);
    CHECK(sender.settled[2].verdict == v1::VERDICT_DENIED);
    CHECK(sender.settled[2].reason == "because of 3.........");
    CHECK(sender.settled[4].verdict == v1::VERDICT_DUPLICATE);
    CHECK(sender.settled[5].verdict == v1::VERDICT_ACCEPTED);
}

TEST_CASE("an event that the server had no room for goes again, until it has") {
    FakeBatchPeer server;
    int refusals = 2;
    server.verdict_of = [&](const std::string& envelope) {
        return envelope.starts_with("2.") && refusals-- > 0 ? v1::VERDICT_RETRY
                                                            : v1::VERDICT_ACCEPTED;
    };
    Sender sender(server, server.credit);
    for (std::uint64_t line = 1; line <= 3; ++line) REQUIRE(sender.uploader.add(upload(line)).ok());
    REQUIRE(sender.uploader.finish().ok());
    CHECK(server.batches == std::vector<std::size_t>{3, 1, 1});
    REQUIRE(sender.settled.size() == 3);
    CHECK(sender.settled[2].upload.line == 2);
}

TEST_CASE("one event larger than all credit goes alone") {
    FakeBatchPeer server;
    server.credit = {1000, 50};
    Sender sender(server, server.credit);
    REQUIRE(sender.uploader.add(upload(1)).ok());
    REQUIRE(sender.uploader.add(upload(2, 500)).ok());
    REQUIRE(sender.uploader.add(upload(3)).ok());
    REQUIRE(sender.uploader.finish().ok());
    CHECK(server.batches == std::vector<std::size_t>{1, 1, 1});
    CHECK(sender.settled.size() == 3);
}

TEST_CASE("large events fill a batch by their bytes") {
    FakeBatchPeer server;
    server.credit = {1000, 1'000'000'000};
    Sender sender(server, server.credit);
    for (std::uint64_t line = 1; line <= 3; ++line)
        REQUIRE(sender.uploader.add(upload(line, 600'000)).ok());
    REQUIRE(sender.uploader.finish().ok());
    CHECK(server.batches == std::vector<std::size_t>{1, 1, 1});
}

TEST_CASE("an acknowledgement of what was never sent is refused") {
    class Liar final : public BatchPeer {
        Status send_batch(const v1::Batch&) override { return {}; }
        Result<v1::Ack> next_ack() override {
            v1::Ack ack;
            ack.set_settled_up_to(7);
            return ack;
        }
    } liar;
    Sender sender(liar, {10, 1000});
    REQUIRE(sender.uploader.add(upload(1)).ok());
    const Status status = sender.uploader.finish();
    REQUIRE_FALSE(status.ok());
    CHECK(status.error().code == ErrorCode::kCorrupt);
}

TEST_CASE("a connection that breaks is the caller's to know") {
    class Broken final : public BatchPeer {
        Status send_batch(const v1::Batch&) override { return {}; }
        Result<v1::Ack> next_ack() override { return Error{ErrorCode::kRetry, "it broke"}; }
    } broken;
    Sender sender(broken, {10, 1000});
    REQUIRE(sender.uploader.add(upload(1)).ok());
    CHECK(sender.uploader.finish().error().text == "it broke");
    CHECK(sender.settled.empty());
}

// Credit that comes and goes, pauses, events of all sizes, acks of any number of events.
TEST_CASE("whatever the server does, each event is settled once and no credit is overdrawn") {
    for (unsigned seed = 1; seed <= 50; ++seed) {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        FakeBatchPeer server;
        server.credit = {random() % 5, random() % 2000};
        server.events_per_ack = [&] { return std::size_t{random() % 40}; };
        server.next_credit = [&] { return Credit{random() % 50, random() % 2000}; };
        Sender sender(server, server.credit);
        constexpr std::uint64_t kLines = 1500;
        for (std::uint64_t line = 1; line <= kLines; ++line)
            REQUIRE(sender.uploader.add(upload(line, 5 + random() % 200)).ok());
        REQUIRE(sender.uploader.finish().ok());
        REQUIRE(sender.settled.size() == kLines);
        for (std::uint64_t line = 1; line <= kLines; ++line)
            CHECK(sender.settled[line - 1].upload.line == line);
    }
}
