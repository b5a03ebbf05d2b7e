// The thread that does what no event does: counts parents whose children have changed (looks for
// news five times a second, at once again while there is some), and looks once a second at what is
// due.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "bkserver/book/lookout.h"
#include "bkserver/book/settler.h"

namespace lb::bkserver {

class Settling {
  public:
    // `database` outlives it.
    static Result<std::unique_ptr<Settling>> start(store::Database& database);
    ~Settling();
    Settling(const Settling&) = delete;
    Settling& operator=(const Settling&) = delete;

  private:
    Settling(std::unique_ptr<book::Settler> settler, std::unique_ptr<book::Lookout> lookout);
    void run();
    std::chrono::milliseconds settle();
    void look();
    void report();

    std::unique_ptr<book::Settler> settler_;
    std::unique_ptr<book::Lookout> lookout_;
    book::SettlerCounters reported_;
    book::LookoutCounters reported_looks_;
    std::int64_t began_us_;          // of the monotonic clock
    std::int64_t looked_at_us_ = 0;  // of the same
    std::mutex mutex_;
    std::condition_variable wake_;
    bool is_stopping_ = false;
    std::thread thread_;
};

}  // namespace lb::bkserver
