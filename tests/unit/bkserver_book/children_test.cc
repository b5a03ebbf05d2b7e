// Parents at the store: children planned with a registration, members of clusters, the settler.
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "bkserver/query/past.h"
#include "bkserver/state/parent_limits.h"
#include "common/event/process_id.h"
#include "tests/unit/bkserver_book/desk.h"

using namespace lb;
using namespace lb::test;
using E = event::EventType;
using event::Source;

namespace {

const std::string kParent = "https://" + std::string(kService) + "/collection";
const std::string kCluster = "https://" + std::string(kService) + "/cluster";

std::string child(std::uint32_t index, const std::string& parent = kParent) {
    return event::ProcessId::parse(parent)->child("s", index).to_string();
}

std::string vm(int index) {
    return "https://" + std::string(kService) + "/vm" + std::to_string(index);
}

EventBuilder registration(const std::string& subject, const char* type,
                          std::uint32_t children = 0) {
    EventBuilder built(E::kRegJob, Source::kUserInterface, subject);
    built.at(-10).field("jobtype", type).field("ns", "-");
    if (children > 0) built.field("nsubjobs", std::to_string(children)).field("seed", "s");
    return built;
}

EventBuilder done(const std::string& subject, double at = 20) {
    EventBuilder built(E::kDone, Source::kLogMonitor, subject);
    built.at(at).field("status_code", "OK").field("exit_code", "0").field("reason", "-");
    return built;
}

EventBuilder join(const std::string& subject, const std::string& cluster) {
    EventBuilder built(E::kClusterJoin, Source::kUserInterface, subject);
    built.at(0).field("cluster", cluster);
    return built;
}

EventBuilder vm_event(E type, int index, double at) {
    EventBuilder built(type, Source::kCloudManager, vm(index));
    built.at(at);
    return built;
}

std::vector<store::Relation> relations_of(const Desk& desk, const std::string& parent) {
    auto reader = desk.database->open_reader();
    REQUIRE(reader.ok());
    auto relations = (*reader)->children_of(desk.process(parent).number);
    REQUIRE(relations.ok());
    return *relations;
}

}  // namespace

TEST_CASE("a registration plans its children in one transaction", "[book][children]") {
    Desk desk;
    CHECK(desk.verdict(registration(kParent, "COLLECTION", 2500).id("r")) == v1::VERDICT_ACCEPTED);
    CHECK(desk.book->counters().transactions == 1);
    CHECK(relations_of(desk, kParent).size() == 2500);
    const store::Process row = desk.process(child(2499));
    CHECK(row.state == "Submitted");
    CHECK(row.registrant == desk.process(kParent).registrant);
    CHECK(desk.status(child(7)).at("parent_job") == kParent);
    CHECK(desk.status(kParent).at("children_hist").at("Submitted") == 2500);
    // Once more, by the same event and by another one: nothing changes.
    CHECK(desk.verdict(registration(kParent, "COLLECTION", 2500).id("r")) == v1::VERDICT_DUPLICATE);
    CHECK(desk.verdict(registration(kParent, "COLLECTION", 2500).at(-5)) == v1::VERDICT_ACCEPTED);
    CHECK(desk.process(child(2499)).revision == row.revision);
    CHECK(desk.is_rebuild_equal(child(7)));
}

TEST_CASE("too many children are refused", "[book][children]") {
    Desk desk;
    const auto refused =
        desk.settle(registration(kParent, "COLLECTION", limits::kChildrenPlannedMax + 1));
    CHECK(refused.verdict == v1::VERDICT_DENIED);
    CHECK(refused.reason.find("100000") != std::string::npos);
    CHECK_FALSE(desk.knows(kParent));
}

TEST_CASE("children heard of before, in the batch of, and after the registration are the same",
          "[book][children]") {
    Desk desk;
    CHECK(desk.verdict(done(child(0))) == v1::VERDICT_UNREGISTERED);
    const std::vector<book::Arrived> batch = {done(child(1)).arrived(),
                                              registration(kParent, "COLLECTION", 4).arrived(),
                                              done(child(2)).arrived()};
    REQUIRE(desk.book->settle(batch).ok());
    CHECK(desk.verdict(done(child(3))) == v1::VERDICT_ACCEPTED);
    for (std::uint32_t i = 0; i < 4; ++i) {
        INFO("child " << i);
        CHECK(desk.process(child(i)).state == "Done");
        CHECK(desk.process(child(i)).waiting == 0);
        CHECK(desk.status(child(i)).at("stateEnterTimes").contains("Submitted"));
        CHECK(desk.is_rebuild_equal(child(i)));
    }
    CHECK(desk.status(kParent).at("state") == "Done");
    CHECK(desk.process(kParent).state == "Submitted");
    CHECK(desk.settle_parents() == 1);
    CHECK(desk.process(kParent).state == "Done");
    CHECK_FALSE(desk.has_news());
    CHECK(desk.is_rebuild_equal(kParent));
}

TEST_CASE("an earlier registration that comes later claims the children anew", "[book][children]") {
    Desk desk;
    desk.settle(registration(kParent, "COLLECTION", 3).at(5));
    desk.settle(done(child(1)));
    desk.settle(registration(kParent, "COLLECTION", 2).at(-20));
    const auto entered = [&](std::uint32_t index) {
        return desk.status(child(index)).at("stateEnterTimes").at("Submitted");
    };
    CHECK(entered(1) == desk.status(kParent).at("stateEnterTimes").at("Submitted"));
    CHECK(entered(0) == entered(1));
    CHECK(entered(2) != entered(1));
    for (std::uint32_t i = 0; i < 3; ++i) CHECK(desk.is_rebuild_equal(child(i)));
}

TEST_CASE("two registrations in one batch plant what they plant in two", "[book][children]") {
    for (const bool is_first_earlier : {true, false}) {
        Desk desk;
        const auto early = registration(kParent, "COLLECTION", 2).at(-20).arrived();
        const auto late = registration(kParent, "COLLECTION", 3).at(5).arrived();
        const std::vector<book::Arrived> batch =
            is_first_earlier ? std::vector{early, late} : std::vector{late, early};
        REQUIRE(desk.book->settle(batch).ok());
        const auto entered = [&](std::uint32_t index) {
            return desk.status(child(index)).at("stateEnterTime");
        };
        CHECK(entered(1) == desk.status(kParent).at("stateEnterTime"));
        CHECK(entered(2) != entered(1));
        for (std::uint32_t i = 0; i < 3; ++i) CHECK(desk.is_rebuild_equal(child(i)));
    }
}

TEST_CASE("a child may say what it is, and nobody else may have it", "[book][children]") {
    Desk desk;
    CHECK(desk.verdict(registration(child(0), "SIMPLE").uid(7)) == v1::VERDICT_ACCEPTED);
    desk.settle(registration(kParent, "COLLECTION", 2));
    // Registered by another before: no child.
    CHECK(relations_of(desk, kParent).size() == 1);
    CHECK(desk.verdict(registration(child(1), "DAG", 3)) == v1::VERDICT_ACCEPTED);
    CHECK(desk.status(child(1)).at("jobtype") == "dag");
    CHECK(desk.status(child(1)).at("children_hist").at("Submitted") == 3);
    CHECK(desk.verdict(registration(child(1), "SIMPLE")) == v1::VERDICT_DENIED);
    CHECK(desk.is_rebuild_equal(child(1)));
}

TEST_CASE("a child that its owner registered under another name is his parent's",
          "[book][children]") {
    Desk desk;
    desk.settle(registration(child(0), "SIMPLE").uid(7));
    desk.policy.one_person = {"uid:7@node1.example.org", "uid:8@node1.example.org"};
    desk.settle(registration(kParent, "COLLECTION", 2).uid(8));
    CHECK(relations_of(desk, kParent).size() == 2);
}

TEST_CASE("nobody moves a parent that takes no child of his", "[book][children]") {
    Desk desk;
    desk.policy.closed_parent = kParent;
    auto adding = registration(vm(0), "SIMPLE");
    adding.field("parent", kParent);
    CHECK(desk.verdict(adding) == v1::VERDICT_ACCEPTED);  // a parent that has no owner yet
    desk.settle(registration(kParent, "COLLECTION", 1));
    auto again = registration(vm(0), "SIMPLE").id("again");
    CHECK(desk.verdict(again.at(-9).field("parent", kParent)) == v1::VERDICT_DENIED);
    auto other = registration(vm(1), "SIMPLE");
    const book::Settled refused = desk.settle(other.field("parent", kParent));
    CHECK(refused.verdict == v1::VERDICT_DENIED);
    CHECK(refused.reason == "as a child of " + kParent + ": closed by the test");
    CHECK_FALSE(desk.knows(vm(1)));
    CHECK(desk.verdict(join(vm(1), kParent)) == v1::VERDICT_DENIED);
    CHECK(desk.verdict(registration(child(0), "SIMPLE")) == v1::VERDICT_ACCEPTED);
    CHECK(relations_of(desk, kParent).size() == 2);
    CHECK(desk.is_rebuild_equal(kParent));
}

TEST_CASE("a cluster is counted through several levels, whoever joins when", "[book][children]") {
    Desk desk;
    const std::string key = "site-cluster:lab/web";
    for (int i = 0; i < 3; ++i) {
        desk.settle(registration(vm(i), "VIRTUAL_MACHINE"));
        // The cluster is not registered yet.
        desk.settle(join(vm(i), kCluster));
        desk.settle(vm_event(E::kVMRunning, i, 10));
    }
    desk.settle(registration(kCluster, "VM_CLUSTER"));
    desk.settle(join(kCluster, key));
    desk.settle(registration(key, "VM_CLUSTER"));
    CHECK(desk.status(key).at("vm_state") == "running");
    CHECK(desk.settle_parents() >= 2);
    CHECK(desk.process(kCluster).vm_state == "running");
    CHECK(desk.process(key).vm_state == "running");
    desk.settle(vm_event(E::kVMFail, 1, 30));
    // Before anything is settled a reader sees it all the way up.
    CHECK(desk.status(key).at("degraded") == true);
    CHECK(desk.status(kCluster).at("failed_members") == nlohmann::ordered_json::array({vm(1)}));
    desk.settle_parents();
    CHECK(desk.process(kCluster).vm_state == "degraded");
    auto leave = EventBuilder(E::kClusterLeave, Source::kUserInterface, vm(1));
    desk.settle(leave.at(40).field("cluster", kCluster));
    desk.settle_parents();
    CHECK(desk.process(kCluster).vm_state == "running");
    CHECK(relations_of(desk, kCluster).size() == 2);
    CHECK(desk.is_rebuild_equal(kCluster));
    CHECK(desk.is_rebuild_equal(vm(1)));
}

TEST_CASE("clusters within each other come to rest", "[book][children]") {
    Desk desk;
    const std::string other = kCluster + "2";
    desk.settle(registration(kCluster, "VM_CLUSTER"));
    desk.settle(registration(other, "VM_CLUSTER"));
    desk.settle(join(kCluster, other));
    desk.settle(join(other, kCluster));
    desk.settle(join(kCluster, kCluster));
    desk.settle(registration(vm(0), "VIRTUAL_MACHINE"));
    desk.settle(join(vm(0), kCluster));
    desk.settle(vm_event(E::kVMRunning, 0, 10));
    desk.settle_parents();
    CHECK_FALSE(desk.has_news());
    CHECK(desk.status(kCluster).at("state").is_string());
}

TEST_CASE("two settlers on one database count right", "[book][children]") {
    Desk desk;
    const auto second = desk.open_database("second");
    auto first_settler = book::Settler::open(*desk.database, 901);
    auto second_settler = book::Settler::open(*second, 901);
    REQUIRE((first_settler.ok() && second_settler.ok()));
    desk.settle(registration(kParent, "COLLECTION", 50));
    std::atomic<bool> is_done = false;
    const auto keep_settling = [&](book::Settler& settler) {
        while (!is_done) (void)settler.settle_once(kNoon);
    };
    std::thread one([&] { keep_settling(**first_settler); });
    std::thread two([&] { keep_settling(**second_settler); });
    for (std::uint32_t i = 0; i < 50; ++i) desk.settle(done(child(i), 20 + i));
    is_done = true;
    one.join();
    two.join();
    desk.settle_parents();
    CHECK(desk.process(kParent).state == "Done");
    CHECK_FALSE(desk.has_news());
    CHECK((*first_settler)->counters().unsettled == 0);
}

TEST_CASE("a damaged child is rebuilt with its plan and tells its parent", "[book][children]") {
    Desk desk;
    desk.settle(registration(kParent, "COLLECTION", 2));
    desk.settle(done(child(0)));
    desk.settle(done(child(1)));
    desk.settle_parents();
    auto writer = desk.database->open_writer(902);
    REQUIRE(writer.ok());
    store::Process row = desk.process(child(0));
    row.registers = "nonsense";
    ++row.revision;
    REQUIRE((*writer)->begin().ok());
    REQUIRE((*writer)->save_processes(std::span(&row, 1)).ok());
    REQUIRE((*writer)->commit().ok());
    const auto rebuilt = book::rebuild_process(*desk.database, child(0), {});
    REQUIRE(rebuilt.ok());
    CHECK(rebuilt->is_written);
    CHECK(desk.status(child(0)).at("parent_job") == kParent);
    CHECK(desk.is_rebuild_equal(child(0)));
    CHECK(desk.status(kParent).at("state") == "Done");
}

TEST_CASE("the past of a child knows who planned it, that of too many children is refused",
          "[book][children]") {
    const Desk desk;
    CHECK(desk.verdict(registration(kParent, "COLLECTION", query::kPastChildrenMax + 1)) ==
          v1::VERDICT_ACCEPTED);
    CHECK(desk.verdict(done(child(3), 20)) == v1::VERDICT_ACCEPTED);
    const auto reader = desk.database->open_reader();
    REQUIRE(reader.ok());
    query::Past past(**reader, {.at_us = kNoon + 10'000'000});
    const auto before = past.status_of(desk.process(child(3)));
    REQUIRE(before.ok());
    CHECK(before->status.state == state::MainState::kSubmitted);
    CHECK(before->status.attributes.at("parent_job") == kParent);
    CHECK_FALSE(before->status.is_adopted);
    const auto many = past.status_of(desk.process(kParent));
    REQUIRE_FALSE(many.ok());
    CHECK(many.error().code == ErrorCode::kFull);
    CHECK_THAT(many.error().text,
               Catch::Matchers::Contains("ask for the past of some of its children"));
    query::Past earlier(**reader, {.at_us = kNoon - 60'000'000});
    CHECK(earlier.status_of(desk.process(child(3))).error().code == ErrorCode::kNotFound);
}
