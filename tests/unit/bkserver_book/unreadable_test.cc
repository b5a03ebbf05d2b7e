// One process of which nothing can be read, damaged or of a newer server, among others: lists,
// counts and streams of changes go on with the others.
#include <catch2/catch.hpp>

#include "bkserver/authz/policy_file.h"
#include "bkserver/query/changes.h"
#include "bkserver/query/search.h"
#include "common/event/process_id.h"
#include "tests/unit/bkserver_book/desk.h"

using namespace lb;
using namespace lb::test;

namespace {

const std::string kOtherKey = "libvirt-uuid:/6b1a2a9e-0000-4000-8000-000000000002";

EventBuilder running(const std::string& subject) {
    EventBuilder built(event::EventType::kVMRunning, event::Source::kVmManager, subject);
    built.at(1).field("hostname", "node1.example.org");
    return built;
}

// Two machines, the first of them as said.
class Unreadable {
  public:
    explicit Unreadable(const std::string& damage,
                        const std::string& policy = "[[rule]]\nallow = ['reader']\nwho = ['*']\n")
        : reader_(open_reader()), policy_(authz::parse_policy(policy, "the test").value(), {}) {
        asker_.set_kind(v1::IDENTITY_KIND_UID);
        asker_.set_name("0");
        v1::ChangesRequest begin;
        cursor_ = query::list_changes(context(), begin, [](const auto&) {}).value();
        desk_.settle(running(kUuidKey));
        desk_.settle(running(kOtherKey));
        desk_.run_sql("UPDATE process SET " + damage +
                      " WHERE number = " + std::to_string(desk_.process(kUuidKey).number));
    }

    std::vector<query::Row> find(const std::string& condition) {
        v1::QueryRequest ask;
        ask.set_condition(condition);
        for (const char* field : {"vm_state", "user_tags", "not_understood"}) ask.add_fields(field);
        std::vector<query::Row> rows;
        REQUIRE(query::search_processes(context(), ask, [&](const auto& row) {
                    rows.push_back(row);
                }).ok());
        return rows;
    }
    std::vector<query::Row> changes(const std::string& condition) {
        v1::ChangesRequest ask;
        ask.set_cursor(cursor_);
        ask.set_condition(condition);
        std::vector<query::Row> rows;
        REQUIRE(query::list_changes(context(), ask, [&](const auto& row) {
                    rows.push_back(row);
                }).ok());
        return rows;
    }

  private:
    std::unique_ptr<store::Reader> open_reader() {
        auto reader = desk_.database->open_reader();
        REQUIRE(reader.ok());
        return std::move(*reader);
    }
    query::SearchContext context() { return {*reader_, policy_, asker_, kNoon + 10'000'000}; }

    Desk desk_;
    std::unique_ptr<store::Reader> reader_;
    authz::Policy policy_;
    v1::Identity asker_;
    std::string cursor_;
};

}  // namespace

TEST_CASE("a process that cannot be read hides no other", "[book]") {
    for (const char* damage : {"registers = 'nonsense', registers_format = 2",
                               "registers = 'nonsense', registers_format = 0"}) {
        INFO(damage);
        Unreadable site(damage);
        const auto all = site.find("");
        REQUIRE(all.size() == 2);
        CHECK(all[0].at("not_understood") == true);
        CHECK(all[0].at("vm_state") == "running");
        CHECK_FALSE(all[1].contains("not_understood"));
        CHECK(site.find("tag.colour = blue").empty());
        CHECK(site.changes("").size() == 2);
        CHECK(site.changes("tag.colour = blue").empty());
    }
}

TEST_CASE("rights that cannot be read give nothing", "[book]") {
    // Flag 4: its registers give rights, so whoever may not see all of it looks into them.
    Unreadable site("registers = 'nonsense', registers_format = 2, flags = flags | 4",
                    "[[rule]]\nallow = ['monitor']\nwho = ['*']\n");
    CHECK(site.find("").size() == 2);
    CHECK(site.changes("").size() == 2);
}
