// A peer's whole conversation with the server. The input is a row of frames without their
// checksums: type, length (two bytes, little end first), payload. Whatever comes, the session
// answers, fails or holds what fits its window; the database behind it is away, so nothing is ever
// settled.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "bkserver/ingest/lanes.h"
#include "bkserver/ingest/session.h"
#include "common/base/assert.h"

namespace {

using namespace lb;

const Error kAway{ErrorCode::kRetry, "the database is away"};

class AwayWriter final : public store::Writer {
    template <typename T>
    using Rows = Result<std::vector<std::optional<T>>>;

  public:
    Status begin() override { return kAway; }
    Status commit() override { return kAway; }
    void rollback() override {}
    Result<store::SubjectNumber> take_subject_numbers(std::uint32_t) override { return kAway; }
    Result<store::ArrivalNumber> take_arrival_numbers(std::uint32_t) override { return kAway; }
    Rows<store::Subject> find_subjects(std::span<const std::string>) override { return kAway; }
    Rows<store::Process> find_processes(std::span<const store::ProcessNumber>) override {
        return kAway;
    }
    Result<std::vector<store::Event>> find_events(std::span<const std::string>) override {
        return kAway;
    }
    Result<std::vector<store::Subject>> subjects_of(store::ProcessNumber) override { return kAway; }
    Result<store::EventPage> read_events(store::SubjectNumber, const store::Position&,
                                         std::uint32_t) override {
        return kAway;
    }
    Result<std::vector<store::Event>> find_arrivals(
        std::span<const store::ArrivalNumber>) override {
        return kAway;
    }
    Result<std::vector<store::Relation>> children_of(store::ProcessNumber) override {
        return kAway;
    }
    Result<std::vector<store::Relation>> parents_of(store::ProcessNumber) override { return kAway; }
    Result<std::vector<store::News>> read_news(std::uint32_t) override { return kAway; }
    Status add_subjects(std::span<const store::Subject>) override { return kAway; }
    Status move_subjects(store::ProcessNumber, store::ProcessNumber) override { return kAway; }
    Status add_processes(std::span<const store::Process>) override { return kAway; }
    Status save_processes(std::span<const store::Process>) override { return kAway; }
    Status add_events(std::span<const store::Event>) override { return kAway; }
    Status set_order_keys(std::span<const store::Event>) override { return kAway; }
    Status add_changes(std::span<const store::Change>) override { return kAway; }
    Status put_relations(std::span<const store::Relation>) override { return kAway; }
    Status drop_relations(std::span<const store::Relation>) override { return kAway; }
    Status add_news(std::span<const store::News>) override { return kAway; }
    Status drop_news(std::span<const store::News>) override { return kAway; }
    Status put_heartbeats(std::span<const store::Heartbeat>) override { return kAway; }
    Status put_loggers(std::span<const store::Logger>) override { return kAway; }
    Result<std::vector<std::string>> take_turned_loggers(std::int64_t) override { return kAway; }
    Status put_due(std::span<const store::Due>) override { return kAway; }
    Status put_due_on(std::span<const std::string>, std::int64_t) override { return kAway; }
    Status bring_forward(std::span<const store::Due>) override { return kAway; }
    Result<std::vector<store::Due>> take_due(std::int64_t, std::uint32_t) override { return kAway; }
    Status settle_due(std::span<const store::Due>) override { return kAway; }
    Result<std::vector<store::Concern>> find_concerns(
        std::span<const store::ProcessNumber>) override {
        return kAway;
    }
    Status put_concerns(std::span<const store::Concern>) override { return kAway; }
    Status add_dead_letters(std::span<const store::DeadLetter>) override { return kAway; }
    Status mark_replayed(std::uint64_t, std::int64_t) override { return kAway; }
    Status drop_dead_letter(std::uint64_t) override { return kAway; }
    Status add_token(const store::Token&) override { return kAway; }
    Status revoke_token(std::string_view, std::int64_t) override { return kAway; }
};

class AwayDatabase final : public store::Database {
  public:
    Result<std::unique_ptr<store::Writer>> open_writer(std::uint32_t) override {
        return std::unique_ptr<store::Writer>(std::make_unique<AwayWriter>());
    }
    Result<std::unique_ptr<store::Reader>> open_reader() override { return kAway; }
};

class NoPolicy final : public book::Policy {
  public:
    [[nodiscard]] book::Decision may_log(const book::PolicyQuestion&) const override {
        return {true, {}};
    }
    [[nodiscard]] book::Decision may_adopt(const book::PolicyQuestion&) const override {
        return {true, {}};
    }
};

// Counts what is said, and that nothing is said after a failure.
class Listener final : public ingest::Outlet {
  public:
    void send(v1::FrameType type, const std::string& payload) override {
        LB_ASSERT(!has_failed);
        LB_ASSERT(payload.size() <= limits::kFrameBytesMax);
        has_failed = type == v1::FRAME_TYPE_FAILURE;
    }
    bool has_failed = false;
};

// The server, once: small queues, so that they are full most of the time.
struct Server {
    AwayDatabase database;
    NoPolicy policy;
    metrics::Registry registry;
    ingest::Stamper stamper{"lb.example.org"};
    std::unique_ptr<ingest::Lanes> lanes;

    Server() {
        ingest::LaneOptions options;
        options.lanes = 1;
        options.queue_events_max = 64;
        options.queue_bytes_max = 64 * 1024;
        options.book.service = "lb.example.org:9000";
        auto started = ingest::Lanes::start(database, policy, options, registry);
        LB_ASSERT(started.ok());
        lanes = std::move(*started);
    }
};

std::string_view take(std::string_view& rest, std::size_t count) {
    const std::string_view taken = rest.substr(0, count);
    rest.remove_prefix(taken.size());
    return taken;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Server server;
    ingest::SessionOptions options;
    options.service = "lb.example.org:9000";
    options.software = "lb-bkserver";
    options.window_events = 16;
    options.window_bytes = 16 * 1024;
    v1::Identity peer;
    peer.set_kind(v1::IDENTITY_KIND_CERTIFICATE);
    peer.set_name("/O=lb/CN=host/host.example.org");
    const auto listener = std::make_shared<Listener>();
    const auto session =
        ingest::Session::make(options, peer, *server.lanes, server.stamper, listener);
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    while (rest.size() >= 3) {
        const auto type = static_cast<v1::FrameType>(static_cast<std::uint8_t>(rest[0]));
        const std::size_t length =
            static_cast<std::uint8_t>(rest[1]) + 256U * static_cast<std::uint8_t>(rest[2]);
        rest.remove_prefix(3);
        const std::string_view payload = take(rest, length);
        if (!ingest::Session::is_ours(type)) continue;
        const Status status = session->on_frame(type, payload);
        LB_ASSERT(status.ok() != listener->has_failed);
        if (!status.ok()) break;
        session->give_credit();
        session->on_tick();
        (void)session->report();
    }
    session->close();
    return 0;
}
