#include "bkserver/app/answer_pool.h"

#include <algorithm>

#include "common/app/messages.h"
#include "common/base/guard.h"

namespace lb::bkserver {

namespace {

constexpr std::size_t kStatusesTogetherMax = 16;

}  // namespace

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

bool AnswerPool::submit(Task task, Failure failure, std::string process) {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= waiting_max_ || is_stopping_) return false;
    waiting_.push_back({std::move(task), std::move(failure), std::move(process)});
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
            const std::vector<Waiting> some = take_some();
            lock.unlock();
            read_ahead(some, queries);
            for (const Waiting& waiting : some) {
                const Status done = guarded([&] { waiting.task({reader, queries}); });
                if (done.ok()) continue;
                log::write(app::kDefect, "an answer", done.error().text);
                waiting.failure(done.error());
            }
            read_ahead({}, queries);
        }
        lock.lock();
    }
}

// The first that waits, and statuses that wait next to it: of as many each thread gets its share.
std::vector<AnswerPool::Waiting> AnswerPool::take_some() {
    const std::size_t share =
        std::clamp<std::size_t>(waiting_.size() / readers_.size(), 1, kStatusesTogetherMax);
    std::vector<Waiting> some;
    do {
        some.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    } while (some.size() < share && !some.back().process.empty() &&
             !waiting_.front().process.empty());
    return some;
}

// One that is alone reads for itself.
void AnswerPool::read_ahead(std::span<const Waiting> some, query::Service& queries) {
    std::vector<std::string> processes;
    if (some.size() > 1)
        for (const Waiting& waiting : some) processes.push_back(waiting.process);
    (void)guarded([&] { queries.read_ahead(processes); });
}

}  // namespace lb::bkserver
