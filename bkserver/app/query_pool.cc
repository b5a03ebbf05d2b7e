#include "bkserver/app/query_pool.h"

#include "common/env/env.h"

namespace lb::bkserver {

namespace {

void answer_busy(const Question& question, std::string_view text) {
    lb::v1::Reply reply;
    reply.set_id(question.request.id());
    reply.set_code(lb::v1::ERROR_CODE_RETRY);
    reply.set_text(std::string(text));
    question.send(std::move(reply));
}

}  // namespace

QueryPool::QueryPool(std::size_t waiting_max)
    : waiting_max_(waiting_max),
      answered_(metrics::Registry::global().counter("lb_query_answered_total",
                                                    "Questions answered, well or not")),
      refused_(metrics::Registry::global().counter("lb_query_refused_total",
                                                   "Questions for which there was no room")),
      seconds_(metrics::Registry::global().histogram("lb_query_answer_seconds",
                                                     "From arrival to the last reply")) {}

Result<std::unique_ptr<QueryPool>> QueryPool::start(store::Database& database,
                                                    const authz::Policy& policy,
                                                    query::Administration& administration,
                                                    std::uint32_t threads,
                                                    std::size_t waiting_max) {
    std::unique_ptr<QueryPool> pool(new QueryPool(waiting_max));
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

QueryPool::~QueryPool() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
        wake_.notify_all();
    }
    for (std::thread& thread : threads_) thread.join();
    for (const Question& question : waiting_) answer_busy(question, "the server stops: try again");
}

void QueryPool::submit(Question question) {
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() < waiting_max_ && !is_stopping_) {
            waiting_.push_back(std::move(question));
            wake_.notify_one();
            return;
        }
    }
    refused_.add();
    answer_busy(question, "the server has too many questions to answer: try again");
}

void QueryPool::run(store::Reader& reader, const authz::Policy& policy,
                    query::Administration& administration) {
    query::Service service(reader, policy, administration);
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [&] { return is_stopping_ || !waiting_.empty(); });
        if (is_stopping_) return;
        const Question question = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        service.answer(question.asker, question.request, question.send);
        answered_.add();
        seconds_.observe_us(env::posix_env().now_us() - question.asker.now_us);
        lock.lock();
    }
}

}  // namespace lb::bkserver
