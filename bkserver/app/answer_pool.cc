#include "bkserver/app/answer_pool.h"

#include "common/app/messages.h"
#include "common/base/guard.h"

namespace lb::bkserver {

Result<std::unique_ptr<AnswerPool>> AnswerPool::start(store::Database& database,
                                                      const authz::Policy& policy,
                                                      query::Administration& administration,
                                                      std::uint32_t threads,
                                                      std::size_t waiting_max) {
    std::unique_ptr<AnswerPool> pool(new AnswerPool(waiting_max));
    for (std::uint32_t i = 0; i < threads; ++i) {
        LB_TRY_ASSIGN(auto reader, database.open_reader());
        pool->readers_.push_back(std::move(reader));
    }
    for (const auto& reader : pool->readers_)
        pool->threads_.emplace_back(
            [raw = pool.get(), &reader = *reader, &policy, &administration] {
                raw->run(reader, policy, administration);
            });
    return pool;
}

AnswerPool::~AnswerPool() {
    stop();
}

void AnswerPool::stop() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
        wake_.notify_all();
    }
    for (std::thread& thread : threads_)
        if (thread.joinable()) thread.join();
    const std::lock_guard lock(mutex_);
    waiting_.clear();
}

bool AnswerPool::submit(Task task, Failure failure) {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= waiting_max_ || is_stopping_) return false;
    waiting_.push_back({std::move(task), std::move(failure)});
    wake_.notify_one();
    return true;
}

void AnswerPool::run(store::Reader& reader, const authz::Policy& policy,
                     query::Administration& administration) {
    query::Service queries(reader, policy, administration, memory_);
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [&] { return is_stopping_ || !waiting_.empty(); });
        if (is_stopping_) return;
        {
            const Waiting waiting = std::move(waiting_.front());
            waiting_.pop_front();
            lock.unlock();
            const Status done = guarded([&] { waiting.task({reader, queries}); });
            if (!done.ok()) {
                log::write(app::kDefect, "an answer", done.error().text);
                waiting.failure(done.error());
            }
        }
        lock.lock();
    }
}

}  // namespace lb::bkserver
