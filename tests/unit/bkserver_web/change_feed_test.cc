// Streams of changes: what they begin with, what they carry and to whom, where they go on, how many
// there may be.
#include "bkserver/app/change_feed.h"

#include <stdexcept>

#include "tests/unit/bkserver_web/http_rooms.h"

namespace lb::bkserver {
namespace {

using test::comes_true;
using test::HttpRoomsBench;
using test::user;

class MemoryStream : public HttpStream {
  public:
    bool send(std::string bytes) override {
        const std::lock_guard lock(mutex_);
        if (throws_) throw std::runtime_error("a defect");
        text_ += bytes;
        return is_open_;
    }
    [[nodiscard]] bool is_open() const override {
        const std::lock_guard lock(mutex_);
        return is_open_;
    }
    void end() override { leave(); }
    void leave() {
        const std::lock_guard lock(mutex_);
        is_open_ = false;
    }
    void break_down() {
        const std::lock_guard lock(mutex_);
        throws_ = true;
    }
    [[nodiscard]] std::string text() const {
        const std::lock_guard lock(mutex_);
        return text_;
    }
    [[nodiscard]] bool has(const std::string& part) const {
        return text().find(part) != std::string::npos;
    }
    // The place behind the last event of the stream.
    [[nodiscard]] std::string last_id() const {
        const std::string all = text();
        const std::size_t at = all.rfind("id: ");
        return at == std::string::npos ? std::string()
                                       : all.substr(at + 4, all.find('\n', at) - at - 4);
    }

  private:
    mutable std::mutex mutex_;
    std::string text_;
    bool is_open_ = true;
    bool throws_ = false;
};

// What became of a call: a stream, or an answer.
struct Outcome {
    std::shared_ptr<MemoryStream> stream;
    unsigned status = 0;
};

Outcome follow(HttpRoomsBench& bench, std::uint32_t uid, std::vector<web::Pair> query = {},
               std::vector<web::Pair> headers = {}) {
    Outcome outcome;
    HttpCall call;
    call.request.method = "GET";
    call.request.query = std::move(query);
    call.request.headers = std::move(headers);
    call.reply = [&](const web::HttpAnswer& answer) { outcome.status = answer.status; };
    call.open_stream = [&](std::string_view type) {
        CHECK(type == "text/event-stream");
        outcome.stream = std::make_shared<MemoryStream>();
        return outcome.stream;
    };
    bench.changes->follow(call, user(uid), {*bench.reader, bench.queries});
    return outcome;
}

}  // namespace

TEST_CASE("a stream tells its place at once, then what changes, to who may see it") {
    HttpRoomsBench bench;
    const Outcome owner = follow(bench, 1000);
    const Outcome stranger = follow(bench, 1001);
    REQUIRE(owner.stream);
    REQUIRE(stranger.stream);
    CHECK(owner.stream->has("retry: "));
    CHECK_FALSE(owner.stream->last_id().empty());
    CHECK_FALSE(owner.stream->has("event: change"));
    bench.settle(event::EventType::kRegJob, event::Source::kUserInterface);
    CHECK(comes_true(
        [&] { return owner.stream->has("\"jobId\":\"" + std::string(test::kMachine)); }));
    bench.settle(event::EventType::kVMRunning, event::Source::kVmManager);
    CHECK(comes_true([&] { return owner.stream->has("\"state\":\"Running\""); }));
    CHECK_FALSE(stranger.stream->has("event: change"));
}

TEST_CASE("a stream goes on behind the event that its client got last, and no other") {
    HttpRoomsBench bench;
    const Outcome first = follow(bench, 1000);
    REQUIRE(first.stream);
    bench.settle(event::EventType::kRegJob, event::Source::kUserInterface);
    REQUIRE(comes_true([&] { return first.stream->has("event: change"); }));
    first.stream->leave();
    const std::string last = first.stream->last_id();
    bench.settle(event::EventType::kVMRunning, event::Source::kVmManager);
    // What came meanwhile stands in it from the beginning; what was told is not told again.
    const Outcome again = follow(bench, 1000, {{"cursor", "old"}}, {{"last-event-id", last}});
    REQUIRE(again.stream);
    CHECK(again.stream->has("\"state\":\"Running\""));
    CHECK_FALSE(again.stream->has("\"old_state\":\"\""));
    const std::string text = again.stream->text();
    const std::size_t event = text.find("event: change");
    CHECK(text.find("event: change", event + 1) == std::string::npos);
}

TEST_CASE("a stream at which the server fails ends, and takes no other with it") {
    HttpRoomsBench bench;
    const Outcome broken = follow(bench, 1000);
    const Outcome whole = follow(bench, 1000);
    REQUIRE(broken.stream);
    REQUIRE(whole.stream);
    broken.stream->break_down();
    bench.settle(event::EventType::kRegJob, event::Source::kUserInterface);
    CHECK(comes_true([&] { return !broken.stream->is_open(); }));
    CHECK(comes_true([&] { return whole.stream->has("event: change"); }));
    bench.settle(event::EventType::kVMRunning, event::Source::kVmManager);
    CHECK(comes_true([&] { return whole.stream->has("\"state\":\"Running\""); }));
}

TEST_CASE("what is asked wrongly is answered by a problem, without a stream") {
    HttpRoomsBench bench;
    for (const auto& [name, value] :
         {std::pair("cursor", "forged"), std::pair("query", "state=")}) {
        const Outcome refused = follow(bench, 1000, {{name, value}});
        CHECK(refused.status == 400);
        CHECK_FALSE(refused.stream);
    }
    // A cursor of another kind of question is none of changes.
    lb::v1::Request list;
    list.mutable_list()->set_limit(1);
    bench.settle(event::EventType::kRegJob, event::Source::kUserInterface);
    std::string cursor;
    bench.queries.answer({user(1000), 0}, list,
                         [&](const lb::v1::Reply& reply) { cursor = reply.cursor(); });
    CHECK(follow(bench, 1000, {{"cursor", cursor}}).status == 400);
}

TEST_CASE("streams are bounded, and one that its client left makes room") {
    HttpRoomsBench bench(4);  // half of them may be streams
    const Outcome one = follow(bench, 1000);
    const Outcome two = follow(bench, 1001);
    REQUIRE(one.stream);
    REQUIRE(two.stream);
    CHECK(follow(bench, 1002).status == 503);
    one.stream->leave();
    CHECK(comes_true([&] { return follow(bench, 1002).stream != nullptr; }));
}

TEST_CASE("nobody alone may have more than his share of the streams") {
    HttpRoomsBench bench(1000);
    for (std::size_t i = 0; i < kStreamsPerIdentityMax; ++i) REQUIRE(follow(bench, 1000).stream);
    CHECK(follow(bench, 1000).status == 503);
    CHECK(follow(bench, 1001).stream);
}

TEST_CASE("all streams end with the feed") {
    HttpRoomsBench bench;
    const Outcome one = follow(bench, 1000);
    REQUIRE(one.stream);
    bench.changes.reset();
    CHECK_FALSE(one.stream->is_open());
}

}  // namespace lb::bkserver
