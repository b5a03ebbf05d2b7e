// The drop box: who else drops things there must not keep an event waiting.
#include "logd/daemon/drop_box.h"

#include <fstream>

#include "common/spool/inspect.h"
#include "tests/unit/logd/logd_directory.h"

using namespace lb;

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kRoomBytes = 64 * 1024 * 1024;

struct Desk {
    Desk()
        : options(directory.options()),
          metrics(registry),
          intake(*logd::Intake::create(env::posix_env(), options)) {
        auto opened = logd::DropBox::open(
            env::posix_env(), options,
            [this](uid_t) -> std::optional<logd::Producer> {
                if (!is_owner_known) return std::nullopt;
                logd::Producer producer;
                producer.sources.add_all();
                return producer;
            },
            metrics);
        REQUIRE(opened.ok());
        box = std::move(*opened);
    }
    void drop(const std::string& name, const std::string& bytes) const {
        std::ofstream(options.drop_directory + "/" + name, std::ios::binary) << bytes;
    }
    // What one scan took over.
    std::vector<logd::CommitItem> scan(std::size_t room_bytes = kRoomBytes) {
        return box->scan(intake, room_bytes);
    }
    [[nodiscard]] std::size_t left() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(options.drop_directory), {}));
    }

    test::LogdDirectory directory;
    logd::LogdOptions options;
    metrics::Registry registry;
    logd::LogdMetrics metrics;
    logd::Intake intake;
    bool is_owner_known = true;
    std::unique_ptr<logd::DropBox> box;
};

}  // namespace

TEST_CASE("a file waits until it is known whose it is") {
    Desk desk;
    desk.is_owner_known = false;
    desk.drop("file", test::log_frame());
    CHECK(desk.scan().empty());
    CHECK(desk.left() == 1);
    desk.is_owner_known = true;
    CHECK(desk.scan().size() == 1);
}

TEST_CASE("a scan takes over no more than there is room for; the next one goes on") {
    Desk desk;
    constexpr int kFiles = 12;
    constexpr std::size_t kBytes = 100'000;
    for (int i = 0; i < kFiles; ++i) desk.drop("file" + std::to_string(i), test::log_frame(kBytes));
    std::size_t taken = 0;
    for (int scans = 0; taken < kFiles; ++scans) {
        REQUIRE(scans < kFiles);
        const auto items = desk.scan(3 * kBytes);
        REQUIRE(items.size() <= 3);
        taken += items.size();
        CHECK(desk.box->has_more() == (taken < kFiles));
        for (const auto& item : items) desk.box->complete(item.ticket.number, {});
    }
    CHECK(desk.left() == 0);
    CHECK(desk.scan(0).empty());
}

TEST_CASE("files that fail again and again do not keep others waiting") {
    Desk desk;
    for (int i = 0; i < 300; ++i) desk.drop(std::to_string(10'000 + i), test::log_frame());
    constexpr std::size_t kBytes = 10'000;
    desk.drop("z.event", test::log_frame(kBytes));
    bool is_taken = false;
    for (int scans = 0; !is_taken; ++scans) {
        REQUIRE(scans < 3);
        for (const auto& item : desk.scan()) {
            is_taken = is_taken || item.envelope.size() > kBytes;
            desk.box->complete(item.ticket.number, Error{ErrorCode::kRetry, "the disk fails"});
        }
    }
}

TEST_CASE("an empty directory in the drop box goes") {
    Desk desk;
    fs::create_directory(desk.options.drop_directory + "/a");
    CHECK(desk.scan().empty());
    CHECK(desk.left() == 0);
    CHECK(desk.metrics.drop_files_quarantined.value() == 1);
    // `lbctl spool list` has it, with its reason.
    const auto spans = spool::list_quarantine(env::posix_env(), desk.options.spool_directory);
    REQUIRE(spans.ok());
    REQUIRE(spans->size() == 1);
    CHECK(spans->front().is_dropped_file());
    CHECK(!spans->front().reason.empty());
}

TEST_CASE("what a killed producer left behind is taken over if it is whole, after a while") {
    Desk desk;
    desk.drop("tmp-whole", test::log_frame());
    desk.drop("tmp-torn", test::log_frame().substr(0, 30));
    CHECK(desk.scan().empty());
    CHECK(desk.left() == 2);
    const auto old =
        fs::file_time_type::clock::now() - std::chrono::seconds(logd::kDropTemporarySeconds + 60);
    for (const char* name : {"tmp-whole", "tmp-torn"})
        fs::last_write_time(desk.options.drop_directory + "/" + name, old);
    const auto items = desk.scan();
    REQUIRE(items.size() == 1);
    desk.box->complete(items[0].ticket.number, {});
    CHECK(desk.left() == 0);
    CHECK(desk.metrics.drop_leftovers.value() == 1);
    CHECK(desk.metrics.drop_files_quarantined.value() == 0);
}

TEST_CASE("a file of many events costs no more than its bytes") {
    Desk desk;
    // Events without ids get them from the file; hashing it for each would take half a minute.
    v1::Envelope envelope;
    const std::string frame = test::log_frame(7'500);
    REQUIRE(envelope.ParseFromString(frame.substr(frame::kHeaderBytes)));
    envelope.clear_event_id();
    std::string bytes;
    for (int i = 0; i < 1024; ++i)
        frame::append_frame(bytes, v1::FRAME_TYPE_LOG, envelope.SerializeAsString());
    REQUIRE(bytes.size() < limits::kFrameBytesMax);
    desk.drop("many", bytes);
    const auto items = desk.scan();
    REQUIRE(items.size() == 1024);
    std::set<std::string> ids;
    for (const auto& item : items) {
        REQUIRE(envelope.ParseFromString(item.envelope));
        ids.insert(envelope.event_id());
    }
    CHECK(ids.size() == items.size());
}
