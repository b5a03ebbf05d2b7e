// One destination: its queue between a real spool on disk and a server played by the test.
#include "interlogd/destination_queue.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <set>

#include "common/spool/inspect.h"
#include "common/spool/spool_writer.h"
#include "tests/unit/interlogd/fake_server.h"

using namespace lb;
using namespace lb::test;
using interlogd::DestinationQueue;

namespace {

constexpr char kDestination[] = "lb.example.org:9000";

// Parts of paths: files that have one are on a disk that fails.
using Broken = std::set<std::string>;

// A file whose reads are counted.
class CountedFile final : public env::File {
  public:
    CountedFile(std::unique_ptr<env::File> file, std::string path, const Broken& broken,
                std::uint64_t& bytes_read)
        : file_(std::move(file)),
          path_(std::move(path)),
          broken_(broken),
          bytes_read_(bytes_read) {}
    Result<std::size_t> read_at(std::uint64_t offset, std::span<char> buffer) override {
        LB_TRY(works());
        auto count = file_->read_at(offset, buffer);
        if (count.ok()) bytes_read_ += *count;
        return count;
    }
    Status write_at(std::uint64_t offset, std::string_view bytes) override {
        return file_->write_at(offset, bytes);
    }
    Status sync_data() override {
        LB_TRY(works());
        return file_->sync_data();
    }
    Status truncate(std::uint64_t size) override { return file_->truncate(size); }
    Result<std::uint64_t> size() override { return file_->size(); }

  private:
    [[nodiscard]] Status works() const {
        const bool is_broken = std::any_of(
            broken_.begin(), broken_.end(),
            [&](const std::string& part) { return path_.find(part) != std::string::npos; });
        return is_broken ? Status(system_error("using", path_, EIO)) : Status();
    }

    std::unique_ptr<env::File> file_;
    std::string path_;
    const Broken& broken_;
    std::uint64_t& bytes_read_;
};

// The real file system, with a clock that the test moves.
class ClockedEnv final : public env::Env {
  public:
    Result<std::unique_ptr<env::File>> open_file(const std::string& path,
                                                 env::OpenMode mode) override {
        LB_TRY_ASSIGN(auto file, env::posix_env().open_file(path, mode));
        return std::unique_ptr<env::File>(
            std::make_unique<CountedFile>(std::move(file), path, broken, bytes_read));
    }
    Status make_directory(const std::string& path) override {
        return env::posix_env().make_directory(path);
    }
    Result<bool> has_directory(const std::string& path) override {
        return env::posix_env().has_directory(path);
    }
    Status sync_directory(const std::string& path) override {
        return env::posix_env().sync_directory(path);
    }
    Result<std::vector<std::string>> list_directory(const std::string& path) override {
        return env::posix_env().list_directory(path);
    }
    Status rename_file(const std::string& source, const std::string& target) override {
        return env::posix_env().rename_file(source, target);
    }
    Status remove_file(const std::string& path) override {
        return env::posix_env().remove_file(path);
    }
    Result<std::uint64_t> free_bytes(const std::string& path) override {
        return env::posix_env().free_bytes(path);
    }
    std::int64_t now_us() override {
        return 1'795'521'600'000'000 + static_cast<std::int64_t>(clock_us);
    }
    std::uint64_t monotonic_us() override { return clock_us; }
    void fill_random(std::span<char> buffer) override { env::posix_env().fill_random(buffer); }

    std::uint64_t clock_us = 1'000'000'000;
    std::uint64_t bytes_read = 0;  // of all files
    Broken broken;
};

// A host: a spool to append to, and the queue of one destination over it.
class Host {
  public:
    Host() {
        std::string path = "/tmp/lb-interlogd-XXXXXX";
        REQUIRE(mkdtemp(path.data()) != nullptr);
        root = path;
        spool::SpoolWriterOptions writer_options;
        writer_options.root = root;
        writer_options.free_bytes_min = 0;
        auto opened = spool::SpoolWriter::open(env, writer_options);
        REQUIRE(opened.ok());
        writer = std::move(*opened);
        restart();
    }
    ~Host() {
        queue.reset();
        writer.reset();
        std::filesystem::remove_all(root);
    }

    // A new life of the daemon over the same spool.
    void restart() {
        queue.reset();
        queue = std::make_unique<DestinationQueue>(
            context, *spool::Destination::parse(kDestination), options,
            net::Backoff(net::Milliseconds(100), net::Milliseconds(1000),
                         [] { return std::uint64_t{999}; }));
        open_lane(spool::Lane::kBulk);
        open_lane(spool::Lane::kSync);
    }
    void append(const std::string& id, spool::Lane lane = spool::Lane::kBulk,
                std::size_t bytes = 10) {
        v1::Envelope envelope;
        envelope.set_schema(1);
        envelope.set_event_id(id);
        envelope.set_event(std::string(bytes, 'x'));
        const std::string text = envelope.SerializeAsString();
        spool::AppendItem item;
        const auto destination = spool::Destination::parse(kDestination);
        item.destination = &*destination;
        item.lane = lane;
        item.payload = text;
        writer->append(std::span(&item, 1));
        REQUIRE(item.status.ok());
    }
    void connected(std::uint64_t credit_events = 1000, std::uint64_t credit_bytes = 1 << 20) {
        queue->tick();
        links.last().open();
        links.last().greet(credit_events, credit_bytes);
    }
    void pass_ms(std::uint64_t milliseconds) {
        env.clock_us += milliseconds * 1000;
        queue->tick();
    }
    std::uint64_t unsettled_on_disk() {
        queue->tidy();
        std::uint64_t events = 0;
        const auto lanes = spool::summarize(env, root);
        for (const auto& lane : *lanes) events += lane.tail.events;
        return events;
    }

    ClockedEnv env;
    std::string root;
    std::unique_ptr<spool::SpoolWriter> writer;
    FakeLinks links;
    metrics::Registry registry;
    interlogd::ForwardMetrics metrics{registry};
    interlogd::DialSlots dials{1};
    std::string host = "node1";
    std::string instance = std::string(16, 'i');
    std::size_t memory_left = 1 << 20;
    std::vector<spool::SettledEvent> settled;
    std::vector<std::string> set_aside;
    bool is_quarantine_full = false;
    interlogd::QueueOptions options;
    interlogd::QueueContext context{
        env,
        links,
        metrics,
        dials,
        host,
        instance,
        [this] { return memory_left; },
        [this](spool::SettledEvent event) { settled.push_back(std::move(event)); },
        [this](const std::string& name, const std::string&,
               const std::string&) -> Result<std::string> {
            if (is_quarantine_full) return Error{ErrorCode::kFull, "full"};
            set_aside.push_back(name);
            return "/quarantine/" + name;
        }};
    std::unique_ptr<DestinationQueue> queue;

  private:
    void open_lane(spool::Lane lane) {
        spool::LaneReaderOptions reader_options;
        reader_options.root = root;
        reader_options.id = {*spool::Destination::parse(kDestination), lane};
        auto reader = spool::LaneReader::open(env, reader_options);
        REQUIRE(reader.ok());
        queue->add_lane(lane, std::move(*reader));
    }
};

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("a connection is made when it is its turn, which the next has once it stands or fails",
          "[interlogd]") {
    Host host;
    REQUIRE(host.dials.take());
    CHECK_FALSE(host.queue->tick());
    CHECK(host.links.connections.empty());
    host.dials.give_back();
    CHECK(host.queue->tick());
    REQUIRE(host.links.connections.size() == 1);
    CHECK_FALSE(host.dials.take());
    SECTION("it stands") {
        host.links.last().open();
        CHECK_FALSE(host.dials.take());
        host.links.last().greet();
        CHECK(host.queue->is_connected());
    }
    SECTION("it fails") {
        host.links.last().close({ErrorCode::kTimeout, "silence"});
    }
    SECTION("it is given up") {
        host.queue.reset();
    }
    CHECK(host.dials.take());
    CHECK_FALSE(host.dials.take());
}

TEST_CASE("the conversation begins with a hello that names the service", "[interlogd]") {
    Host host;
    host.queue->tick();
    REQUIRE(host.links.connections.size() == 1);
    CHECK(host.links.last().destination.to_string() == kDestination);
    host.links.last().open();
    const auto hello = host.links.last().all<v1::Hello>(v1::FRAME_TYPE_HELLO);
    REQUIRE(hello.size() == 1);
    CHECK(hello[0].role() == v1::PEER_ROLE_FORWARDER);
    CHECK(hello[0].service() == kDestination);
    CHECK(hello[0].instance() == host.instance);
    CHECK(host.links.last().events().empty());  // nothing before the reply
}

TEST_CASE("events go once, in their order, and leave the spool when they are settled",
          "[interlogd]") {
    Host host;
    for (const char* id : {"1", "2", "3"}) host.append(id);
    host.connected();
    CHECK(host.links.last().events() == Ids{"1", "2", "3"});
    CHECK(host.unsettled_on_disk() == 3);
    host.links.last().ack(2);
    CHECK(host.unsettled_on_disk() == 1);
    host.append("4");
    host.queue->pump();
    CHECK(host.links.last().events() == Ids{"1", "2", "3", "4"});
    host.links.last().ack(4, {{4, v1::VERDICT_DENIED}});
    CHECK(host.unsettled_on_disk() == 0);
    CHECK(host.metrics.refused.value() == 1);
}

TEST_CASE("a lost connection begins again at the first unsettled event", "[interlogd]") {
    Host host;
    for (const char* id : {"1", "2", "3"}) host.append(id);
    host.connected();
    host.links.last().ack(1);
    host.links.last().close();
    host.pass_ms(0);
    CHECK(host.links.connections.size() == 1);  // not before the wait is over
    host.pass_ms(100);
    REQUIRE(host.links.connections.size() == 2);
    host.links.last().open();
    host.links.last().greet();
    CHECK(host.links.last().events() == Ids{"2", "3"});
    host.links.last().ack(2);
    CHECK(host.unsettled_on_disk() == 0);
}

TEST_CASE("a lane on a failing disk is tried again, and the other goes on", "[interlogd]") {
    Host host;
    const auto failure = [&] { return host.queue->to_json().value("spool_failure", ""); };
    host.append("1", spool::Lane::kBulk);
    host.append("2", spool::Lane::kSync);
    host.env.broken = {"/bulk/"};
    host.connected();
    CHECK(host.links.last().events() == Ids{"2"});
    CHECK(failure().find("Input/output error") != std::string::npos);
    CHECK(host.metrics.spool_failures.value() == 1);
    host.env.broken.clear();
    host.pass_ms(4000);
    CHECK(host.links.last().events() == Ids{"2"});
    host.pass_ms(2000);
    CHECK(host.links.last().events() == Ids{"2", "1"});
    host.links.last().ack(2);
    CHECK(host.unsettled_on_disk() == 0);
    CHECK(failure().empty());
}

TEST_CASE("no segment goes while the ledger cannot be made durable", "[interlogd]") {
    Host host;
    host.append("1");
    host.connected();
    host.env.broken = {"/ledger"};
    host.links.last().ack(1);
    for (int i = 0; i < 3; ++i) host.queue->tidy();
    CHECK(host.metrics.spool_failures.value() >= 3);
    CHECK_FALSE(host.queue->to_json().value("spool_failure", "").empty());
    host.env.broken.clear();
    CHECK(host.unsettled_on_disk() == 0);
    CHECK_FALSE(host.queue->to_json().contains("spool_failure"));
    host.restart();
    host.connected();
    CHECK(host.links.last().events().empty());
}

TEST_CASE("a new life of the daemon sends what no ledger says is settled", "[interlogd]") {
    Host host;
    for (const char* id : {"1", "2", "3"}) host.append(id);
    host.connected();
    host.links.last().ack(2);
    host.queue->tidy();
    host.restart();
    host.connected();
    CHECK(host.links.last().events() == Ids{"3"});
}

TEST_CASE("credit is the receiver's", "[interlogd]") {
    Host host;
    for (const char* id : {"1", "2", "3", "4"}) host.append(id);
    host.connected(2);
    CHECK(host.links.last().events() == Ids{"1", "2"});
    host.links.last().ack(1, {}, 2);
    CHECK(host.links.last().events() == Ids{"1", "2", "3"});
    host.links.last().ack(3, {}, 0);
    CHECK(host.links.last().events().size() == 3);
    host.pass_ms(100);
    CHECK(host.links.last().events().size() == 3);
    host.links.last().ack(3, {}, 5);
    CHECK(host.links.last().events().size() == 4);
}

TEST_CASE("an event larger than the credit goes when it is alone", "[interlogd]") {
    Host host;
    host.append("small");
    host.append("large", spool::Lane::kBulk, 5000);
    host.connected(1000, 1000);
    CHECK(host.links.last().events() == Ids{"small"});
    host.links.last().ack(1);
    CHECK(host.links.last().events() == Ids{"small", "large"});
}

TEST_CASE("what the server could not settle is sent again with a new sequence", "[interlogd]") {
    Host host;
    for (const char* id : {"1", "2", "3"}) host.append(id);
    host.connected();
    host.links.last().ack(3, {{2, v1::VERDICT_RETRY}});
    CHECK(host.links.last().events() == Ids{"1", "2", "3", "2"});
    CHECK(host.unsettled_on_disk() == 2);  // 3 is settled, but 2 stands before it
    host.links.last().ack(4);
    CHECK(host.unsettled_on_disk() == 0);
}

TEST_CASE("an event that never settles while others do is set aside in the end", "[interlogd]") {
    Host host;
    host.options.retries_max = 3;
    host.restart();
    host.append("bad");
    host.connected();
    std::uint64_t sequence = 1;
    host.links.last().ack(sequence, {{sequence, v1::VERDICT_RETRY}});
    for (int i = 0; i < 20 && host.set_aside.empty(); ++i) {
        // Alone it may try for ever: only when others get through is it at fault.
        if (i == 5) CHECK(host.set_aside.empty());
        if (i >= 5) {
            host.append("good" + std::to_string(i));
            host.queue->pump();
            host.links.last().ack(sequence + 2, {{sequence + 1, v1::VERDICT_RETRY}});
            sequence += 2;
        } else {
            host.links.last().ack(sequence + 1, {{sequence + 1, v1::VERDICT_RETRY}});
            ++sequence;
        }
    }
    CHECK(host.set_aside.size() == 1);
    CHECK(host.metrics.set_aside.value() == 1);
    CHECK(host.unsettled_on_disk() == 0);
}

TEST_CASE("events that go again keep the order of the spool", "[interlogd]") {
    Host host;
    for (const char* id : {"1", "2", "3", "4", "5", "6"}) host.append(id);
    host.connected(4);
    host.links.last().ack(2, {{1, v1::VERDICT_RETRY}, {2, v1::VERDICT_RETRY}}, 0);
    host.links.last().ack(4, {{3, v1::VERDICT_RETRY}, {4, v1::VERDICT_RETRY}}, 6);
    CHECK(host.links.last().events() == Ids{"1", "2", "3", "4", "1", "2", "3", "4", "5", "6"});
}

TEST_CASE("a server without room says nothing about an event", "[interlogd]") {
    Host host;
    host.options.retries_max = 3;
    host.restart();
    host.append("refused");
    host.connected();
    std::uint64_t sequence = 1;
    for (int i = 0; i < 20; ++i) {
        host.append("good" + std::to_string(i));
        host.queue->pump();
        host.links.last().ack(sequence + 1, {{sequence, v1::VERDICT_RETRY}}, 1000, true);
        sequence += 2;
    }
    CHECK(host.set_aside.empty());
}

TEST_CASE("an event that fails for ever does not stop the lanes when the window is full behind it",
          "[interlogd]") {
    Host host;
    host.options.retries_max = 3;
    host.options.window_events = 4;
    host.restart();
    for (const char* id : {"bad", "2", "3", "4", "5"}) host.append(id);
    host.connected();
    CHECK(host.links.last().events() == Ids{"bad", "2", "3", "4"});
    host.links.last().ack(4, {{1, v1::VERDICT_RETRY}});
    for (std::uint64_t sequence = 5; sequence < 10 && host.set_aside.empty(); ++sequence)
        host.links.last().ack(sequence, {{sequence, v1::VERDICT_RETRY}});
    REQUIRE(host.set_aside.size() == 1);
    CHECK(host.set_aside[0].starts_with("event-lb.example.org_9000-"));
    CHECK(host.links.last().events().back() == "5");
}

TEST_CASE("what the quarantine does not take stays in the spool", "[interlogd]") {
    Host host;
    host.options.retries_max = 1;
    host.is_quarantine_full = true;
    host.restart();
    host.append("bad");
    host.connected();
    std::uint64_t sequence = 1;
    for (int i = 0; i < 10; ++i) {
        host.append("good" + std::to_string(i));
        host.queue->pump();
        host.links.last().ack(sequence + 1, {{sequence, v1::VERDICT_RETRY}});
        sequence += 2;
    }
    CHECK(host.unsettled_on_disk() > 0);
    CHECK(host.links.last().events().back() == "bad");
    CHECK(host.metrics.set_aside.value() == 0);
}

TEST_CASE("whoever waits for a verdict gets it", "[interlogd]") {
    Host host;
    host.append("bulk");
    host.append("sync", spool::Lane::kSync);
    host.connected();
    CHECK(host.links.last().events() == Ids{"sync", "bulk"});
    host.links.last().ack(2, {{1, v1::VERDICT_CONFLICT}});
    REQUIRE(host.settled.size() == 1);
    CHECK(host.settled[0].event_id == "sync");
    CHECK(host.settled[0].verdict == v1::VERDICT_CONFLICT);
    CHECK(host.settled[0].reason == "because");
}

TEST_CASE("answers that break the protocol end the connection, and nothing is lost",
          "[interlogd]") {
    const int which = GENERATE(range(0, 6));
    Host host;
    host.append("1");
    host.connected();
    FakeConnection& first = host.links.last();
    if (which == 0) first.ack(7);
    if (which == 1) first.send(v1::FRAME_TYPE_ACK, "\xff");
    if (which == 2) first.greet();
    if (which == 3) first.send(v1::FRAME_TYPE_BATCH, "");
    if (which == 4) first.ack(0, {{1, v1::VERDICT_DENIED}});
    if (which == 5) {
        v1::Failure failure;
        failure.set_text("this server keeps others");
        first.send(v1::FRAME_TYPE_FAILURE, failure.SerializeAsString());
        CHECK(host.queue->to_json()["failure"] == "refused: this server keeps others");
    } else {
        CHECK(first.all<v1::Failure>(v1::FRAME_TYPE_FAILURE).size() == 1);
    }
    CHECK(first.listener == nullptr);
    CHECK(host.queue->to_json()["state"] == "backing off");
    host.pass_ms(1000);
    host.links.last().open();
    host.links.last().greet();
    CHECK(host.links.last().events() == Ids{"1"});
    host.links.last().ack(1);
    CHECK(host.unsettled_on_disk() == 0);
}

TEST_CASE("an ACK that is wrong anywhere settles nothing", "[interlogd]") {
    using Exceptions = std::vector<std::pair<std::uint64_t, v1::Verdict>>;
    const auto exceptions = GENERATE(Exceptions{{2, v1::VERDICT_DENIED}, {1, v1::VERDICT_RETRY}},
                                     Exceptions{{2, v1::VERDICT_DENIED}, {2, v1::VERDICT_RETRY}},
                                     Exceptions{{1, v1::VERDICT_ACCEPTED}, {4, v1::VERDICT_RETRY}},
                                     Exceptions{{2, v1::VERDICT_UNSPECIFIED}},
                                     Exceptions{{2, static_cast<v1::Verdict>(99)}});
    Host host;
    for (const char* id : {"1", "2", "3"}) host.append(id);
    host.connected();
    FakeConnection& first = host.links.last();
    first.ack(2, exceptions);
    CHECK(first.listener == nullptr);
    CHECK(host.unsettled_on_disk() == 3);
}

TEST_CASE("a server whose frames are too small for an event is refused", "[interlogd]") {
    Host host;
    host.queue->tick();
    host.links.last().open();
    v1::HelloReply reply;
    reply.set_version(1);
    reply.set_frame_bytes_max(1000);
    host.links.last().send(v1::FRAME_TYPE_HELLO_REPLY, reply.SerializeAsString());
    CHECK(host.links.last().listener == nullptr);
}

TEST_CASE("the wait grows to its cap, and ends at once when somebody asks", "[interlogd]") {
    Host host;
    host.queue->tick();
    std::uint64_t waited_ms = 0;
    for (int i = 0; i < 8; ++i) {
        host.links.last().close();
        const std::size_t before = host.links.connections.size();
        for (waited_ms = 0; host.links.connections.size() == before && waited_ms < 2000;
             waited_ms += 50)
            host.pass_ms(50);
    }
    CHECK(waited_ms >= 900);
    CHECK(waited_ms <= 1050);
    host.links.last().close();
    const std::size_t before = host.links.connections.size();
    host.queue->retry_now();
    CHECK(host.links.connections.size() == before + 1);
}

TEST_CASE("keepalives tell what waits", "[interlogd]") {
    Host host;
    host.append("1");
    host.connected();
    host.pass_ms(10'000);
    const auto keepalives = host.links.last().all<v1::Keepalive>(v1::FRAME_TYPE_KEEPALIVE);
    REQUIRE(keepalives.size() == 2);
    CHECK(keepalives[1].spool_events() == 1);
    CHECK(keepalives[1].oldest_us() > 0);
}

TEST_CASE("how much waits, and since when, is known without a connection", "[interlogd]") {
    Host host;
    CHECK(host.queue->pending_bytes() == 0);
    CHECK(host.queue->pending_since_us() == 0);
    const std::int64_t begin_us = host.env.now_us();
    host.append("1");
    host.pass_ms(5'000);
    host.append("2", spool::Lane::kSync);
    CHECK(host.queue->pending_bytes() > 0);
    CHECK(host.queue->pending_since_us() == begin_us);
    host.connected();
    host.links.last().ack(2);
    CHECK(host.queue->pending_since_us() == 0);
}

TEST_CASE("memory is bounded, and one event always fits", "[interlogd]") {
    Host host;
    for (int i = 0; i < 5; ++i) host.append(std::to_string(i), spool::Lane::kBulk, 1000);
    host.memory_left = 0;
    host.connected();
    CHECK(host.links.last().events() == Ids{"0"});
    host.links.last().ack(1);
    CHECK(host.links.last().events() == Ids{"0", "1"});
    host.memory_left = 1 << 20;
    host.pass_ms(1);
    CHECK(host.links.last().events().size() == 5);
}

TEST_CASE("a slow network holds the queue, not the memory", "[interlogd]") {
    Host host;
    for (int i = 0; i < 3; ++i) host.append(std::to_string(i));
    host.queue->tick();
    host.links.last().queued_bytes = 100 << 20;
    host.links.last().open();
    host.links.last().greet();
    CHECK(host.links.last().events().empty());
    host.links.last().queued_bytes = 0;
    host.pass_ms(1);
    CHECK(host.links.last().events().size() == 3);
}

TEST_CASE("a connection costs no look at all that the spool has") {
    Host host;
    constexpr std::size_t kEventBytes = 500'000;
    constexpr int kEvents = 40;
    for (int i = 0; i < kEvents; ++i)
        host.append("event " + std::to_string(i), spool::Lane::kBulk, kEventBytes);
    host.env.bytes_read = 0;
    host.connected(1);
    CHECK(host.links.last().events().size() == 1);
    CHECK(host.env.bytes_read < kEvents * kEventBytes / 2);
    spool::LaneReaderOptions options;
    options.root = host.root;
    options.id.destination = *spool::Destination::parse(kDestination);
    const auto reader = spool::LaneReader::open(host.env, options);
    REQUIRE(reader.ok());
    const auto bytes = (*reader)->unsettled_file_bytes();
    REQUIRE(bytes.ok());
    CHECK(*bytes > kEvents * kEventBytes);
}
