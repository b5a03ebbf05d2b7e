// A book over a fresh database of the private mariadbd.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "bkserver/authz/policy.h"
#include "bkserver/book/book.h"
#include "bkserver/book/rebuild.h"
#include "bkserver/book/settler.h"
#include "bkserver/query/counting.h"
#include "bkserver/state/engine.h"
#include "bkserver/store/mariadb/connection.h"
#include "bkserver/store/mariadb/database.h"
#include "tests/support/event_builder.h"
#include "tests/support/private_mariadb.h"

namespace lb::test {

inline constexpr char kService[] = "lb.example.org:9000";
inline const std::string kUuid = "6b1a2a9e-0000-4000-8000-000000000001";
inline const std::string kUuidKey = "libvirt-uuid:/" + kUuid;

// Lets everything through but what a test forbids.
class TestPolicy : public book::Policy {
  public:
    book::Decision may_log(const book::PolicyQuestion& question) const override {
        if (forbidden_source && question.event.source == *forbidden_source)
            return {false, "forbidden by the test"};
        if (broken_source && question.event.source == *broken_source)
            throw std::out_of_range("broken by the test");
        return {true, {}};
    }
    book::Decision may_adopt(const book::PolicyQuestion&) const override {
        return {is_adopting, {}};
    }
    book::Decision may_add_child(const book::PolicyQuestion& question) const override {
        return {question.subject != closed_parent, "closed by the test"};
    }
    bool is_same(std::string_view one, std::string_view other) const override {
        return one == other || (one_person.contains(one) && one_person.contains(other));
    }
    bool is_adopting = true;
    std::string closed_parent;                      // takes no children but those it planned
    std::set<std::string, std::less<>> one_person;  // identities
    std::optional<event::Source> forbidden_source;
    std::optional<event::Source> broken_source;  // makes it throw
};

class Desk {
  public:
    Desk() : dsn_(PrivateMariadb::shared().fresh_dsn()) {
        database = open_database("first");
        book = open_book(*database, 0);
    }

    // Another server on the same database.
    std::unique_ptr<store::Database> open_database(const std::string& instance) const {
        auto opened = store::mariadb::MariadbDatabase::open({dsn_, instance, kService});
        REQUIRE(opened.ok());
        return std::move(*opened);
    }
    std::unique_ptr<book::Book> open_book(store::Database& over, std::uint32_t lane) const {
        auto opened = book::Book::open(over, policy, {.service = kService, .lane = lane});
        REQUIRE(opened.ok());
        return std::move(*opened);
    }

    book::Settled settle(const EventBuilder& event) const {
        const book::Arrived arrived = event.arrived();
        auto settled = book->settle(std::span(&arrived, 1));
        REQUIRE(settled.ok());
        return (*settled)[0];
    }
    lb::v1::Verdict verdict(const EventBuilder& event) const { return settle(event).verdict; }

    store::Process process(const std::string& name) const {
        auto reader = database->open_reader();
        REQUIRE(reader.ok());
        auto found = (*reader)->find_process(name);
        REQUIRE(found.ok());
        REQUIRE(found->has_value());
        return **found;
    }
    bool knows(const std::string& name) const {
        auto reader = database->open_reader();
        REQUIRE(reader.ok());
        const auto found = (*reader)->find_process(name);
        REQUIRE(found.ok());
        return found->has_value();
    }
    // As a reader sees it: counted from its children, whether or not they were settled.
    nlohmann::ordered_json status(const std::string& name) const {
        const store::Process row = process(name);
        auto registers = state::Registers::decode(row.registers);
        REQUIRE(registers.ok());
        auto reader = database->open_reader();
        REQUIRE(reader.ok());
        const auto children = query::Counting(**reader).children_of(row);
        REQUIRE(children.ok());
        return state::derive(*registers, row.id, *children).attributes;
    }
    [[nodiscard]] bool has_news() const {
        auto reader = database->open_reader();
        REQUIRE(reader.ok());
        const auto news = (*reader)->read_news(1);
        REQUIRE(news.ok());
        return !news->empty();
    }
    // Until no news are left. Returns how many rounds it took.
    int settle_parents() const {
        constexpr int kRoundsMax = 1000;
        auto settler = book::Settler::open(*database, 900);
        REQUIRE(settler.ok());
        int rounds = 0;
        for (; has_news(); ++rounds) {
            REQUIRE((*settler)->settle_once(kNoon).ok());
            REQUIRE(rounds < kRoundsMax);
        }
        return rounds;
    }
    // Past the book: what a damaged database would hold.
    void run_sql(const std::string& statement) const {
        store::mariadb::Connection connection(dsn_);
        REQUIRE(connection.use().ok());
        REQUIRE(connection.run(statement).ok());
    }
    [[nodiscard]] const store::mariadb::Dsn& dsn() const { return dsn_; }
    bool is_rebuild_equal(const std::string& name) const {
        auto outcome = book::rebuild_process(*database, name, {.compare_only = true});
        REQUIRE(outcome.ok());
        INFO(outcome->difference);
        return !outcome->is_different;
    }

    TestPolicy policy;
    std::unique_ptr<store::Database> database;
    std::unique_ptr<book::Book> book;

  private:
    store::mariadb::Dsn dsn_;
};

}  // namespace lb::test
