// The rooms behind the HTTP door over a private database: what its tests share.
#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bkserver/app/administration.h"
#include "bkserver/app/change_feed.h"
#include "bkserver/app/http_desk.h"
#include "bkserver/authz/policy_file.h"
#include "bkserver/store/mariadb/database.h"
#include "tests/support/event_builder.h"
#include "tests/support/private_mariadb.h"

namespace lb::test {

inline constexpr char kService[] = "lb.example.org:9000";
inline constexpr char kMachine[] = "https://lb.example.org:9000/machine";

// Users of node1 register, and read what is their own.
inline constexpr char kPolicy[] = R"([[rule]]
allow = ["forwarder", "origin", "registrar"]
who = ["*"]
hosts = ["*"]
vouches = ["*"]
)";

inline lb::v1::Identity user(std::uint32_t uid) {
    lb::v1::Identity identity;
    identity.set_kind(lb::v1::IDENTITY_KIND_UID);
    identity.set_name(std::to_string(uid) + "@node1.example.org");
    return identity;
}

template <typename T>
T taken(Result<T> result) {
    if (!result.ok()) FAIL(result.error().text);
    return std::move(result).value();
}

// True as soon as `is_so` is; false when it has not come to that in half a minute.
inline bool comes_true(const std::function<bool()>& is_so) {
    for (int look = 0; look < 3000; ++look) {
        if (is_so()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return is_so();
}

struct HttpRoomsBench {
    explicit HttpRoomsBench(std::size_t connections_max = 64)
        : policy(taken(authz::parse_policy(kPolicy, "test")), {}),
          dsn(PrivateMariadb::shared().fresh_dsn()),
          database(taken(store::mariadb::MariadbDatabase::open({dsn, "server-one", kService}))),
          book(taken(book::Book::open(*database, policy, {.service = kService, .lane = 7}))),
          reader(taken(database->open_reader())),
          administration(*database, policy, tokens, {.service = kService}, {}),
          lanes(taken(ingest::Lanes::start(*database, policy, {.book = {.service = kService}},
                                           metrics::Registry::global()))),
          stamper("server.example.org"),
          queries(*reader, policy, administration, memory),
          pool(taken(AnswerPool::start(*database, policy, administration, 1, 4))),
          changes(taken(ChangeFeed::start(*database, policy, connections_max))),
          desk({.lanes = *lanes,
                .stamper = stamper,
                .policy = policy,
                .tokens = tokens,
                .administration = administration,
                .changes = *changes,
                .service = kService,
                .is_ready = [] { return true; }}) {}

    // Of a machine that belongs to uid 1000.
    void settle(event::EventType type, event::Source source) {
        EventBuilder built(type, source, kMachine);
        ++seconds;
        built.at(seconds).counter(static_cast<std::uint64_t>(seconds)).uid(1000);
        if (type == event::EventType::kRegJob) built.field("jobtype", "VIRTUAL_MACHINE");
        const book::Arrived arrived = built.arrived();
        const auto settled = taken(book->settle(std::span(&arrived, 1)));
        INFO(settled.front().reason);
        REQUIRE(settled.front().verdict == lb::v1::VERDICT_ACCEPTED);
    }

    using ChangeFeed = bkserver::ChangeFeed;
    using AnswerPool = bkserver::AnswerPool;

    authz::Policy policy;
    authz::TokenBook tokens;
    store::mariadb::Dsn dsn;
    std::unique_ptr<store::Database> database;
    std::unique_ptr<book::Book> book;
    std::unique_ptr<store::Reader> reader;
    bkserver::ServerAdministration administration;
    std::unique_ptr<ingest::Lanes> lanes;
    ingest::Stamper stamper;
    query::Memory memory;
    query::Service queries;
    std::unique_ptr<AnswerPool> pool;
    std::unique_ptr<ChangeFeed> changes;
    bkserver::HttpDesk desk;
    int seconds = 0;
};

}  // namespace lb::test
