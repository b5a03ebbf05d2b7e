// Threads that answer questions and HTTP requests, each with a reader of the store and a query
// service of its own, so that a slow one never holds up the connections. Bounded: when all are busy
// and the queue is full, nothing more is taken.
// Statuses that wait while all threads are busy are read together: the more are asked for, the less
// each of them costs.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "bkserver/query/service.h"

namespace lb::bkserver {

// What a task may use while it runs.
struct AnswerTools {
    store::Reader& reader;
    query::Service& queries;
};

class AnswerPool {
  public:
    using Task = std::function<void(AnswerTools tools)>;
    // Tells whoever waits for the task's answer that a defect ended it.
    using Failure = std::function<void(const Error& why)>;

    // All outlive the pool.
    static Result<std::unique_ptr<AnswerPool>> start(store::Database& database,
                                                     const authz::Policy& policy,
                                                     query::Administration& administration,
                                                     std::uint32_t threads,
                                                     std::size_t waiting_max);
    ~AnswerPool();
    AnswerPool(const AnswerPool&) = delete;
    AnswerPool& operator=(const AnswerPool&) = delete;

    // Any thread. False when there is no room: the task was not taken. `process`, if not empty: the
    // one whose status the task asks for; those of tasks that wait together are read together.
    bool submit(Task task, Failure failure, std::string process = {});
    // Ends after the tasks that run; what waits is dropped, and nothing more is taken.
    void stop();

  private:
    explicit AnswerPool(std::size_t waiting_max) : waiting_max_(waiting_max) {}
    void run(store::Reader& reader, const authz::Policy& policy,
             query::Administration& administration);

    struct Waiting {
        Task task;
        Failure failure;
        std::string process;
    };
    std::vector<Waiting> take_some();
    static void read_ahead(std::span<const Waiting> some, query::Service& queries);

    const std::size_t waiting_max_;
    query::Memory memory_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Waiting> waiting_;
    bool is_stopping_ = false;
    std::vector<std::unique_ptr<store::Reader>> readers_;
    std::vector<std::thread> threads_;
};

}  // namespace lb::bkserver
