// The C ABI without a server: what it refuses, and how it says so.
#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "lb/consumer.h"

namespace {

using Consumer = std::unique_ptr<lb_consumer, decltype(&lb_consumer_free)>;
using Query = std::unique_ptr<lb_query, decltype(&lb_query_free)>;

Consumer consumer_of(const std::string& server) {
    Consumer consumer(lb_consumer_new(), lb_consumer_free);
    REQUIRE(lb_consumer_set(consumer.get(), LB_CONSUMER_SERVER, server.c_str()) == LB_ANSWER_OK);
    return consumer;
}

std::string last_text() {
    return lb_consumer_last_text();
}

}  // namespace

TEST_CASE("a consumer without a server says so and asks again later", "[consumer]") {
    const Consumer consumer = consumer_of("/nowhere/bkserver.sock");
    lb_rows* rows = nullptr;
    CHECK(lb_consumer_connect(consumer.get()) == LB_ANSWER_RETRY);
    for (int i = 0; i < 2; ++i) {
        CHECK(lb_consumer_status(consumer.get(), "x", 0, &rows) == LB_ANSWER_RETRY);
        CHECK(rows == nullptr);
        CHECK(last_text().find("server /nowhere/bkserver.sock") == 0);
    }
    CHECK(lb_consumer_set(consumer.get(), LB_CONSUMER_KEY, "x") == LB_ANSWER_REJECT);
    CHECK(last_text().find("before the first question") != std::string::npos);
}

TEST_CASE("a consumer over the network needs credentials", "[consumer]") {
    const Consumer consumer = consumer_of("localhost:9000");
    for (const auto option : {LB_CONSUMER_CERTIFICATE, LB_CONSUMER_KEY, LB_CONSUMER_AUTHORITIES})
        REQUIRE(lb_consumer_set(consumer.get(), option, "") == LB_ANSWER_OK);
    lb_rows* rows = nullptr;
    CHECK(lb_consumer_status(consumer.get(), "x", 0, &rows) == LB_ANSWER_REJECT);
    CHECK(last_text().find("LB_CERT") != std::string::npos);
}

TEST_CASE("a consumer refuses what is no option and no text", "[consumer]") {
    const Consumer consumer = consumer_of("/nowhere/bkserver.sock");
    for (const char* timeout : {"0", "-1", "soon", "1s", "99999999999999999999", ""})
        CHECK(lb_consumer_set(consumer.get(), LB_CONSUMER_TIMEOUT_MS, timeout) == LB_ANSWER_REJECT);
    CHECK(lb_consumer_set(consumer.get(), static_cast<lb_consumer_option>(0), "x") ==
          LB_ANSWER_REJECT);
    CHECK(lb_consumer_set(consumer.get(), LB_CONSUMER_SOFTWARE, "\xff") == LB_ANSWER_REJECT);
    CHECK(lb_consumer_set(consumer.get(), LB_CONSUMER_SOFTWARE, "monitor 1.2") == LB_ANSWER_OK);
    const Query query(lb_query_new(nullptr), lb_query_free);
    CHECK(lb_query_set(query.get(), LB_QUERY_WHAT, "event-count") == LB_ANSWER_OK);
    CHECK(lb_query_set(query.get(), LB_QUERY_WHAT, "everything") == LB_ANSWER_REJECT);
    CHECK(last_text().find("process-count") != std::string::npos);
    CHECK(lb_query_set(query.get(), LB_QUERY_WHAT, "process-terms") == LB_ANSWER_OK);
    CHECK(lb_query_set(query.get(), LB_QUERY_LIMIT, "-3") == LB_ANSWER_REJECT);
    CHECK(lb_query_set(query.get(), LB_QUERY_SORT, "\xff") == LB_ANSWER_REJECT);
    CHECK(lb_query_set(query.get(), static_cast<lb_query_option>(7), "x") == LB_ANSWER_REJECT);
    lb_rows* rows = nullptr;
    CHECK(lb_consumer_status(consumer.get(), "\xff", 0, &rows) == LB_ANSWER_REJECT);
    const char* const processes[] = {"x", "\xff"};
    CHECK(lb_consumer_statuses(consumer.get(), processes, 2, 0, 0, 0, &rows) == LB_ANSWER_REJECT);
    CHECK(last_text() == "the question is no UTF-8");
    CHECK(lb_consumer_statuses(consumer.get(), processes, 1, 2, 0, 0, &rows) == LB_ANSWER_REJECT);
    CHECK(last_text() == "a status has no such extra");
    CHECK(lb_consumer_watch(consumer.get(), "state=\xc3", nullptr, 0, &rows) == LB_ANSWER_REJECT);
    CHECK(last_text() == "the question is no UTF-8");
    CHECK(lb_consumer_query(consumer.get(), query.get(), "xyz", &rows) == LB_ANSWER_REJECT);
    CHECK(last_text().find("cursor") != std::string::npos);
}

TEST_CASE("a consumer takes no null for a question, and any for nothing", "[consumer]") {
    const Consumer consumer = consumer_of("/nowhere/bkserver.sock");
    const Query query(lb_query_new(""), lb_query_free);
    lb_rows* rows = nullptr;
    CHECK(lb_consumer_set(nullptr, LB_CONSUMER_KEY, "x") == LB_ANSWER_REJECT);
    CHECK(lb_consumer_status(consumer.get(), nullptr, 0, &rows) == LB_ANSWER_REJECT);
    CHECK(lb_consumer_statuses(consumer.get(), nullptr, 1, 0, 0, 0, &rows) == LB_ANSWER_REJECT);
    CHECK(lb_consumer_connect(nullptr) == LB_ANSWER_REJECT);
    lb_consumer_on_wait(nullptr, nullptr, nullptr);
    CHECK(lb_consumer_why(nullptr, "x", nullptr, &rows) == LB_ANSWER_REJECT);
    CHECK(lb_consumer_history(consumer.get(), "x", 0, nullptr, nullptr) == LB_ANSWER_REJECT);
    CHECK(lb_consumer_query(consumer.get(), nullptr, nullptr, &rows) == LB_ANSWER_REJECT);
    CHECK(lb_consumer_watch(nullptr, nullptr, nullptr, 0, &rows) == LB_ANSWER_REJECT);
    CHECK(lb_query_set(query.get(), LB_QUERY_BY, nullptr) == LB_ANSWER_REJECT);
    CHECK(lb_rows_next(nullptr) == nullptr);
    CHECK(lb_rows_count(nullptr) == 0);
    CHECK(std::string(lb_rows_cursor(nullptr)).empty());
    lb_rows_free(nullptr);
    lb_query_free(nullptr);
    lb_consumer_free(nullptr);
}
