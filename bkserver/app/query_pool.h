// Threads that answer questions, so that a slow one never holds up the connections. Bounded: when
// all threads are busy and the queue is full, a question is answered "try again" at once.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "bkserver/query/service.h"
#include "common/metrics/metrics.h"

namespace lb::bkserver {

struct Question {
    query::Asker asker;
    lb::v1::Request request;
    query::SendReply send;  // called by a thread of the pool
};

class QueryPool {
  public:
    // All outlive the pool.
    static Result<std::unique_ptr<QueryPool>> start(store::Database& database,
                                                    const authz::Policy& policy,
                                                    query::Administration& administration,
                                                    std::uint32_t threads, std::size_t waiting_max);
    // Ends after the answers that are being given; what waits is told to try again.
    ~QueryPool();
    QueryPool(const QueryPool&) = delete;
    QueryPool& operator=(const QueryPool&) = delete;

    // Any thread. Answers by itself when there is no room.
    void submit(Question question);

  private:
    explicit QueryPool(std::size_t waiting_max);
    void run(store::Reader& reader, const authz::Policy& policy,
             query::Administration& administration);

    const std::size_t waiting_max_;
    metrics::Counter& answered_;
    metrics::Counter& refused_;
    metrics::Histogram& seconds_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Question> waiting_;
    bool is_stopping_ = false;
    std::vector<std::unique_ptr<store::Reader>> readers_;
    std::vector<std::thread> threads_;
};

}  // namespace lb::bkserver
