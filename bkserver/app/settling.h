// The thread that counts parents whose children have changed: looks for news five times a second,
// at once again while there is some.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

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
    explicit Settling(std::unique_ptr<book::Settler> settler) : settler_(std::move(settler)) {}
    void run();
    void report();

    std::unique_ptr<book::Settler> settler_;
    book::SettlerCounters reported_;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool is_stopping_ = false;
    std::thread thread_;
};

}  // namespace lb::bkserver
