// Watches over the server: whether the database answers, once a second, and writes down when the
// hosts that log were last heard of.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "bkserver/store/store.h"
#include "common/base/result.h"

namespace lb::bkserver {

struct WatchOptions {
    std::uint32_t report_seconds = 10;
    std::function<std::vector<store::Logger>()> loggers;
};

class Watch {
  public:
    // `database` outlives it.
    static Result<std::unique_ptr<Watch>> start(store::Database& database, WatchOptions options);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    // Any thread.
    [[nodiscard]] bool is_database_there() const { return is_database_there_; }

  private:
    Watch(WatchOptions options, std::unique_ptr<store::Reader> reader,
          std::unique_ptr<store::Writer> writer);
    void run();
    void look_and_report(bool is_report_due);
    void look();
    Status report();

    const WatchOptions options_;
    std::unique_ptr<store::Reader> reader_;
    std::unique_ptr<store::Writer> writer_;
    std::atomic<bool> is_database_there_ = false;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool is_stopping_ = false;
    std::thread thread_;
};

}  // namespace lb::bkserver
