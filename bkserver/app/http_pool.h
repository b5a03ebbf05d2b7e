// Threads that answer HTTP requests, each with a reader of the store of its own. Bounded: when all
// are busy and the queue is full, a request is told to try again at once.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "bkserver/query/service.h"

namespace lb::bkserver {

// What a task may use while it runs.
struct HttpTools {
    store::Reader& reader;
    query::Service& queries;
};

class HttpPool {
  public:
    using Task = std::function<void(HttpTools tools)>;

    // All outlive the pool.
    static Result<std::unique_ptr<HttpPool>> start(store::Database& database,
                                                   const authz::Policy& policy,
                                                   query::Administration& administration,
                                                   std::uint32_t threads, std::size_t waiting_max);
    // Ends after the tasks that run; what waits is dropped.
    ~HttpPool();
    HttpPool(const HttpPool&) = delete;
    HttpPool& operator=(const HttpPool&) = delete;

    // Any thread. False when there is no room: the task was not taken.
    bool submit(Task task);

  private:
    explicit HttpPool(std::size_t waiting_max) : waiting_max_(waiting_max) {}
    void run(store::Reader& reader, const authz::Policy& policy,
             query::Administration& administration);

    const std::size_t waiting_max_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Task> waiting_;
    bool is_stopping_ = false;
    std::vector<std::unique_ptr<store::Reader>> readers_;
    std::vector<std::thread> threads_;
};

}  // namespace lb::bkserver
