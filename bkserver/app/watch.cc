#include "bkserver/app/watch.h"

#include <chrono>

#include "bkserver/app/messages.h"
#include "common/app/messages.h"
#include "common/base/guard.h"
#include "common/metrics/metrics.h"

namespace lb::bkserver {

namespace {

constexpr auto kLookInterval = std::chrono::seconds(1);
// Among the writers of a server: no lane of ingest has it.
constexpr std::uint32_t kWatchLane = 1002;

}  // namespace

Result<std::unique_ptr<Watch>> Watch::start(store::Database& database, WatchOptions options) {
    LB_TRY_ASSIGN(auto reader, database.open_reader());
    LB_TRY_ASSIGN(auto writer, database.open_writer(kWatchLane));
    std::unique_ptr<Watch> watch(
        new Watch(std::move(options), std::move(reader), std::move(writer)));
    watch->look();
    watch->thread_ = std::thread([raw = watch.get()] { raw->run(); });
    return watch;
}

Watch::Watch(WatchOptions options, std::unique_ptr<store::Reader> reader,
             std::unique_ptr<store::Writer> writer)
    : options_(std::move(options)), reader_(std::move(reader)), writer_(std::move(writer)) {}

Watch::~Watch() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
        wake_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
}

void Watch::run() {
    std::uint32_t looks = 0;
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, kLookInterval, [&] { return is_stopping_; })) {
        lock.unlock();
        const bool is_report_due = ++looks % options_.report_seconds == 0;
        const Status looked = guarded([&] { look_and_report(is_report_due); });
        if (!looked.ok()) log::write(app::kDefect, "a look at the database", looked.error().text);
        lock.lock();
    }
}

void Watch::look_and_report(bool is_report_due) {
    look();
    if (!is_report_due || !is_database_there_) return;
    // What could not be written now is written with the next report.
    if (const Status written = report(); !written.ok()) writer_->rollback();
}

void Watch::look() {
    const Status answered = reader_->ping();
    if (is_database_there_ && !answered.ok()) log::write(kDatabaseAway, answered.error().text);
    is_database_there_ = answered.ok();
    metrics::Registry::global()
        .gauge("lb_bkserver_database_up", "1 while the database answers")
        .set(answered.ok() ? 1 : 0);
}

Status Watch::report() {
    const std::vector<store::Logger> loggers = options_.loggers();
    if (loggers.empty()) return {};
    LB_TRY(writer_->begin());
    LB_TRY(writer_->put_loggers(loggers));
    return writer_->commit();
}

}  // namespace lb::bkserver
