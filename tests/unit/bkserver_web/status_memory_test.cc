// What the query services remember never shows: each status is the one that a service tells that
// remembers nothing, whatever others have written meanwhile.
#include <future>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "bkserver/store/mariadb/connection.h"
#include "tests/unit/bkserver_web/http_rooms.h"

using namespace lb;
using namespace lb::test;

namespace {

class Site {
  public:
    Site() : writer_(taken(rooms.database->open_writer(901))) {
        settle(event::EventType::kRegJob, event::Source::kUserInterface);
        REQUIRE_FALSE(status(rooms.queries).empty());
    }

    void happen(unsigned what) {
        using E = event::EventType;
        constexpr E kTypes[] = {E::kVMRunning, E::kVMStop, E::kVMShutdown};
        switch (what) {
            case 0:
                return settle(kTypes[chance(3)], event::Source::kVmManager);
            case 1:
                return settle(kTypes[chance(3)], event::Source::kCloudManager);
            case 2:
                return hear_guest();
            case 3:
                return hear_logger();
            default:
                now_us_ += std::int64_t{chance(100)} * 1'000'000;
        }
    }

    std::string status(query::Service& service) {
        return taken(service.status_of({user(1000), now_us_}, name())).dump();
    }
    std::string status_without_memory() {
        query::Memory memory;
        query::Service service(*rooms.reader, rooms.policy, rooms.administration, memory);
        return status(service);
    }
    void read_ahead() {
        const std::vector<std::string> names = {"nobody", name()};
        rooms.queries.read_ahead(names);
    }
    unsigned chance(unsigned count) { return static_cast<unsigned>(random_() % count); }
    void ask_by_another_name() { is_by_part_ = !is_by_part_; }

    HttpRoomsBench rooms;

  private:
    [[nodiscard]] std::string name() const { return is_by_part_ ? "machine" : kMachine; }

    void settle(event::EventType type, event::Source source) {
        EventBuilder built(type, source, kMachine);
        ++counter_;
        built.at(static_cast<double>(now_us_ - kNoon) / 1e6).counter(counter_).uid(1000);
        built.id("status" + std::to_string(counter_));
        if (type == event::EventType::kRegJob)
            built.field("jobtype", "VIRTUAL_MACHINE");
        else if (type == event::EventType::kVMHeartbeat)
            built.field("uptime_s", "5");
        else
            built.field("hostname", host());
        const book::Arrived arrived = built.arrived();
        taken(rooms.book->settle(std::span(&arrived, 1)));
    }
    std::string host() { return "n" + std::to_string(chance(3)) + ".example.org"; }

    void hear_guest() { settle(event::EventType::kVMHeartbeat, event::Source::kVmSystem); }
    void hear_logger() {
        const store::Logger logger = {.host = host(), .seen_us = now_us_};
        REQUIRE(writer_->begin().ok());
        REQUIRE(writer_->put_loggers(std::span(&logger, 1)).ok());
        REQUIRE(writer_->commit().ok());
    }

    std::unique_ptr<store::Writer> writer_;
    std::mt19937 random_{3};
    std::int64_t now_us_ = kNoon + 1'000'000;
    std::uint64_t counter_ = 0;
    bool is_by_part_ = false;
};

}  // namespace

TEST_CASE("a status is the same whether anything is remembered or not", "[query]") {
    Site site;
    constexpr int kSteps = 300;
    std::set<std::string> statuses;
    std::size_t stale = 0;
    for (int step = 0; step < kSteps; ++step) {
        site.happen(site.chance(6));
        if (site.chance(10) == 0) site.ask_by_another_name();
        if (site.chance(2) == 0) site.read_ahead();
        const std::string status = site.status(site.rooms.queries);
        CAPTURE(step);
        REQUIRE(status == site.status_without_memory());
        if (status.find("\"stale\"") != std::string::npos) ++stale;
        statuses.insert(status);
    }
    // Enough has happened to be told apart.
    CHECK(statuses.size() > kSteps / 6);
    CHECK(stale > kSteps / 20);
    CHECK(stale < kSteps);
}

TEST_CASE("what was read ahead counts once, and until more is", "[query]") {
    Site site;
    const auto hear = [&] {
        site.rooms.settle(event::EventType::kVMRunning, event::Source::kVmManager);
    };
    site.read_ahead();
    hear();
    // As it was read.
    CHECK(site.status(site.rooms.queries) != site.status_without_memory());
    CHECK(site.status(site.rooms.queries) == site.status_without_memory());
    site.read_ahead();
    site.rooms.settle(event::EventType::kVMStop, event::Source::kVmManager);
    site.rooms.queries.read_ahead({});
    CHECK(site.status(site.rooms.queries) == site.status_without_memory());
}

TEST_CASE("statuses that wait together are answered each as if alone", "[query]") {
    Site site;
    const std::vector<std::string> names = {kMachine, "nobody", "machine", kMachine};
    std::promise<void> go;
    std::shared_future<void> gone(go.get_future());
    std::promise<void> is_done;
    std::vector<std::string> answers;
    const auto nothing = [](const Error&) {};
    bkserver::AnswerPool& pool = *site.rooms.pool;
    std::promise<void> is_held;
    REQUIRE(pool.submit(
        [&](auto) {
            is_held.set_value();
            gone.wait();
        },
        nothing));
    is_held.get_future().wait();
    for (const std::string& name : names)
        REQUIRE(pool.submit(
            [&, name](bkserver::AnswerTools tools) {
                const auto row = tools.queries.status_of({user(1000), kNoon}, name);
                answers.push_back(row.ok() ? row->dump() : row.error().text);
                if (answers.size() == names.size()) is_done.set_value();
            },
            nothing, name));
    go.set_value();
    is_done.get_future().wait();
    query::Memory memory;
    query::Service alone(*site.rooms.reader, site.rooms.policy, site.rooms.administration, memory);
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto row = alone.status_of({user(1000), kNoon}, names[i]);
        CHECK(answers[i] == (row.ok() ? row->dump() : row.error().text));
    }
}

TEST_CASE("one process that this server cannot read hides no other of the same question",
          "[query]") {
    Site site;
    const std::string bad = std::string(kMachine) + "-bad";
    EventBuilder built(event::EventType::kRegJob, event::Source::kUserInterface, bad);
    const book::Arrived arrived = built.uid(1000).field("jobtype", "VIRTUAL_MACHINE").arrived();
    taken(site.rooms.book->settle(std::span(&arrived, 1)));
    const auto number = taken(site.rooms.reader->find_process(bad))->number;
    store::mariadb::Connection connection(site.rooms.dsn);
    REQUIRE(connection.use().ok());
    REQUIRE(connection
                .run("UPDATE process SET registers_format = 99 WHERE number = " +
                     std::to_string(number))
                .ok());
    lb::v1::Request request;
    for (const std::string& name : {bad, std::string(kMachine), std::string("nobody")})
        request.mutable_status()->add_processes(name);
    std::vector<query::Row> rows;
    site.rooms.queries.answer({user(1000), kNoon}, request, [&](const lb::v1::Reply& reply) {
        for (const std::string& row : reply.rows()) rows.push_back(query::Row::parse(row));
    });
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].contains("error"));
    CHECK(rows[1]["state"] == "Submitted");
    CHECK(rows[2].contains("error"));
}
