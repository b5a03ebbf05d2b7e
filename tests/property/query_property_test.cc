// A query finds what a filter over all statuses finds, page by page, whatever the store answers by
// its columns and whatever is decided over the status; and pages stay whole while others write.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "bkserver/query/changes.h"
#include "bkserver/query/fit.h"
#include "bkserver/query/language/parser.h"
#include "bkserver/query/past.h"
#include "bkserver/query/search.h"
#include "bkserver/query/vocabulary.h"
#include "common/event/process_id.h"
#include "common/event/time_text.h"
#include "tests/unit/bkserver_book/desk.h"

using namespace lb;
using namespace lb::test;
using query::Row;

namespace {

constexpr int kMachines = 60;
constexpr int kQueries = 400;

std::string id_of(int number) {
    return "https://" + std::string(kService) + "/machine" + std::to_string(number);
}

// Of every sixth machine.
std::string cloud_of(int machine) {
    return machine % 12 == 3 ? "one-vmid:cloud1" : "proxmox-vmid:lab";
}

// Machines of several owners on several hosts, in many states, some tagged.
void fill(const Desk& desk) {
    std::mt19937 random(7);
    std::uint64_t counter = 0;
    const auto log = [&](int machine, event::EventType type, event::Source source, double at,
                         std::initializer_list<std::pair<const char*, std::string>> fields) {
        EventBuilder built(type, source, id_of(machine));
        ++counter;
        built.at(at).counter(counter).id("query" + std::to_string(counter));
        built.uid(static_cast<std::uint32_t>(1000 + machine % 3));
        for (const auto& [name, text] : fields) built.field(name, text);
        REQUIRE(desk.verdict(built) == lb::v1::VERDICT_ACCEPTED);
    };
    using E = event::EventType;
    using S = event::Source;
    for (int machine = 0; machine < kMachines; ++machine) {
        const double at = machine * 600.0;
        const std::string host = "n" + std::to_string(random() % 5) + ".example.org";
        log(machine, E::kRegJob, S::kUserInterface, at,
            {{"jobtype", "VIRTUAL_MACHINE"}, {"jdl", "j"}});
        if (machine % 6 == 3)
            log(machine, E::kBind, S::kUserInterface, at + 0.5,
                {{"key", cloud_of(machine) + "/" + std::to_string(machine)}});
        if (machine % 4 == 1)
            log(machine, E::kUserTag, S::kUserInterface, at + 1,
                {{"name", "project"}, {"value", machine % 8 == 1 ? "alpha" : "beta"}});
        if (machine % 4 == 2)
            log(machine, E::kClusterJoin, S::kUserInterface, at + 2,
                {{"cluster", id_of(machine % 8 == 2 ? 1 : 2)}});
        for (unsigned step = 0, last = random() % 4; step < last; ++step) {
            constexpr E kSteps[] = {E::kVMRunning, E::kVMStop, E::kVMDone};
            if (step == 2)
                log(machine, kSteps[step], S::kVmManager, at + 10 + step,
                    {{"status_code", machine % 2 == 0 ? "OK" : "FAILURE"}, {"hostname", host}});
            else
                log(machine, kSteps[step], S::kVmManager, at + 10 + step, {{"hostname", host}});
        }
    }
}

std::string random_condition(std::mt19937& random) {
    static const std::vector<std::string> kConditions = {
        "state=running",
        "state!=Waiting",
        "state in (Done, Submitted)",
        "state<Running",
        "state~\"*i*\"",
        "state",
        "vm_state=stopped",
        "vm_state!~\"r*\"",
        "host=\"n1.example.org\"",
        "host~\"n?.ex*\"",
        "host=\"\"",
        "host~\"*\"",
        "host>\"n2\"",
        "owner=\"uid:1001@node1.example.org\"",
        "owner!=me",
        "owner~\"*1002*\"",
        "type=virtual_machine",
        "type!=simple",
        "entered>2026-11-24T13:00:00Z",
        "entered within (2026-11-24T12:30:00Z, 2026-11-24T15:00:00Z)",
        "updated<=2026-11-24T14:00:00Z",
        "updated",
        "entered_state.Running<2026-11-24T16:00:00Z",
        "tag.project",
        "tag.project=alpha",
        "tag.PROJECT!=beta",
        "done_code=OK",
        "done_code",
        "adopted",
        "id=machine7",
        "key=\"" + id_of(9) + "\"",
        "id~\"*machine1*\"",
        "parent=machine1",
        "parent in (machine2, nobody)",
        "parent!=machine1",
        "parent=\"\"",
        "parent",
        "parent~\"*machine2\"",
        "parent~\"*\"",
        "child=machine18",
        "child~\"*machine2?\"",
        "child",
        "host~\"\"",
        "disagreement",
        "stale=\"n1.example.org\"",
    };
    return kConditions[random() % kConditions.size()];
}

std::string random_query(std::mt19937& random) {
    std::string text = random_condition(random);
    for (unsigned more = random() % 4; more > 0; --more) {
        const std::string other = (random() % 3 == 0 ? "not " : "") + random_condition(random);
        const char* const word = random() % 2 == 0 ? " and " : " or ";
        text = random() % 2 == 0 ? text + word + other : other + word + "(" + text + ")";
    }
    return text;
}

// The ids of those that it is a member of.
std::vector<std::string> parents_of(const Row& status) {
    std::vector<std::string> parents;
    if (status.contains("memberships"))
        for (const auto& [cluster, word] : status["memberships"].items())
            parents.push_back(cluster);
    return parents;
}

// What a condition on names looks at.
std::vector<std::string> names_of(const std::vector<Row>& statuses, const Row& status,
                                  query::Origin origin) {
    if (origin == query::Origin::kNames) return {status["jobId"]};
    if (origin == query::Origin::kParents) return parents_of(status);
    std::vector<std::string> children;
    for (const Row& other : statuses)
        for (const std::string& parent : parents_of(other))
            if (parent == status["jobId"]) children.push_back(other["jobId"]);
    return children;
}

bool is_of_names(query::Origin origin) {
    return origin == query::Origin::kNames || origin == query::Origin::kParents ||
           origin == query::Origin::kChildren;
}

// The obvious way: every status by itself, no column, no SQL.
std::set<std::string> brute_force(const std::vector<Row>& statuses, const std::string& text) {
    const auto& domain = query::process_domain();
    const auto expression = query::language::parse(text, {domain.terms, kNoon, "uid:1000@n"});
    REQUIRE(expression.ok());
    std::set<std::string> found;
    for (const Row& status : statuses) {
        const auto fits = [&](const query::language::Condition& condition) {
            const auto& term = domain.terms[condition.term];
            const auto& source = domain.sources[condition.term];
            std::vector<query::Value> values;
            if (is_of_names(source.origin)) {
                for (const std::string& name : names_of(statuses, status, source.origin)) {
                    values.push_back({name, 0});
                    for (const auto& operand : condition.operands)
                        if (name.ends_with("/" + operand.text)) values.push_back({operand.text, 0});
                }
            } else if (status.contains(source.path)) {
                values = query::values_of(status[source.path], term, condition.member);
            }
            return query::fits(condition, term, values);
        };
        if (query::language::evaluate(*expression, fits)) found.insert(status["jobId"]);
    }
    return found;
}

struct Bench {
    Bench() : policy(authz::Policy::open_to_all(), {}) {
        fill(desk);
        reader = desk.database->open_reader().value();
        asker.set_kind(lb::v1::IDENTITY_KIND_UID);
        asker.set_name("1000");
        asker.set_realm("n");
        for (int machine = 0; machine < kMachines; ++machine)
            statuses.push_back(desk.status(id_of(machine)));
    }
    // All pages of one answer; the pages may not repeat a row.
    std::vector<std::string> all_pages(const std::string& text, const std::string& sort,
                                       std::uint32_t limit) const {
        lb::v1::QueryRequest ask;
        ask.set_condition(text);
        ask.set_sort(sort);
        ask.set_limit(limit);
        std::vector<std::string> ids;
        for (int page = 0; page <= kMachines; ++page) {
            const auto cursor =
                query::search_processes({*reader, policy, asker, kNoon}, ask,
                                        [&](const Row& row) { ids.push_back(row["jobId"]); });
            INFO((cursor.ok() ? "" : cursor.error().text));
            REQUIRE(cursor.ok());
            if (cursor->empty()) return ids;
            ask.set_cursor(*cursor);
        }
        FAIL("the pages have no end");
        return ids;
    }
    std::uint64_t count(const std::string& text, const authz::Policy& by) const {
        lb::v1::QueryRequest ask;
        ask.set_condition(text);
        std::uint64_t counted = 0;
        REQUIRE(query::count_processes({*reader, by, asker, kNoon}, ask, [&](const Row& row) {
                    counted = row["count"];
                }).ok());
        return counted;
    }

    Desk desk;
    authz::Policy policy;
    std::unique_ptr<store::Reader> reader;
    lb::v1::Identity asker;
    std::vector<Row> statuses;
};

}  // namespace

TEST_CASE("a query finds what a filter over all statuses finds", "[query][property]") {
    const Bench bench;
    std::mt19937 random(11);
    std::size_t found_in_all = 0;
    for (int i = 0; i < kQueries; ++i) {
        const std::string text = random_query(random);
        INFO(text);
        const auto expected = brute_force(bench.statuses, text);
        const char* const sorts[] = {"", "-registered", "entered", "-entered", "updated"};
        const auto ids = bench.all_pages(text, sorts[random() % 5],
                                         static_cast<std::uint32_t>(1 + random() % 40));
        CHECK(std::set<std::string>(ids.begin(), ids.end()) == expected);
        CHECK(ids.size() == expected.size());
        CHECK(bench.count(text, bench.policy) == expected.size());
        found_in_all += expected.size();
    }
    CHECK(found_in_all > kQueries);
}

TEST_CASE("pages keep their order and miss nothing that stays while others write",
          "[query][property]") {
    const Bench bench;
    lb::v1::QueryRequest ask;
    ask.set_sort("-entered");
    ask.set_limit(7);
    std::vector<std::string> ids;
    for (int page = 0;; ++page) {
        const auto cursor =
            query::search_processes({*bench.reader, bench.policy, bench.asker, kNoon}, ask,
                                    [&](const Row& row) { ids.push_back(row["jobId"]); });
        REQUIRE(cursor.ok());
        if (cursor->empty()) break;
        ask.set_cursor(*cursor);
        // A new machine between pages is newer than all that is left.
        EventBuilder built(event::EventType::kRegJob, event::Source::kUserInterface,
                           id_of(1000 + page));
        built.at(1e6 + page).counter(static_cast<std::uint64_t>(9000 + page));
        built.id("new" + std::to_string(page))
            .field("jobtype", "VIRTUAL_MACHINE")
            .field("jdl", "j");
        REQUIRE(bench.desk.verdict(built) == lb::v1::VERDICT_ACCEPTED);
    }
    const std::set<std::string> once(ids.begin(), ids.end());
    CHECK(once.size() == ids.size());
    CHECK(ids.size() == kMachines);
}

namespace {

// A policy that lets everybody be what `role` says, of these processes.
authz::Policy policy_of(authz::Role role, const std::string& processes = "*") {
    authz::Rule rule;
    rule.name = "some";
    rule.roles = {role};
    rule.who = {"*"};
    rule.processes = {processes};
    authz::RuleSet rules;
    rules.rules = {rule};
    return {std::move(rules), {}};
}

// Counts by a group, as rows say them.
std::map<std::string, std::uint64_t> groups(const Bench& bench, const authz::Policy& by,
                                            const std::string& group) {
    lb::v1::QueryRequest ask;
    ask.set_by(group);
    std::map<std::string, std::uint64_t> counted;
    REQUIRE(
        query::count_processes({*bench.reader, by, bench.asker, kNoon}, ask, [&](const Row& row) {
            counted[row[group]] = row["count"];
        }).ok());
    return counted;
}

std::vector<Row> rows(const Bench& bench, const authz::Policy& by, const std::string& condition,
                      bool is_whole = false) {
    lb::v1::QueryRequest ask;
    ask.set_condition(condition);
    ask.set_limit(1000);
    if (is_whole)
        for (const char* field : {"jobId", "state", "owner", "user_tags", "vm_phy_hostname"})
            ask.add_fields(field);
    std::vector<Row> found;
    REQUIRE(
        query::search_processes({*bench.reader, by, bench.asker, kNoon}, ask, [&](const Row& row) {
            found.push_back(row);
        }).ok());
    return found;
}

constexpr std::size_t kOwned = kMachines / 3;  // by the asker

}  // namespace

TEST_CASE("who may read some finds and counts those alone", "[query][property]") {
    Bench bench;
    bench.asker.set_name("4711");
    const authz::Policy some = policy_of(authz::Role::kReader, "*machine1*");
    for (const Row& row : rows(bench, some, ""))
        CHECK(std::string(row["jobId"]).find("machine1") != std::string::npos);
    CHECK(rows(bench, some, "").size() == 11);
    CHECK(bench.count("", some) == 11);
    CHECK(bench.count("state!=Purged", some) == 11);
    CHECK(bench.count("tag.none!=x", some) == 11);
    std::uint64_t in_groups = 0;
    for (const auto& [state, count] : groups(bench, some, "state")) in_groups += count;
    CHECK(in_groups == 11);
    const authz::Policy none = policy_of(authz::Role::kPurger);
    CHECK(rows(bench, none, "").empty());
    CHECK(bench.count("", none) == 0);
    CHECK(groups(bench, none, "owner").empty());
}

TEST_CASE("who sees no owners learns none by asking", "[query][property]") {
    Bench bench;
    bench.asker.set_name("4711");
    const std::string owner = bench.statuses[1]["owner"];
    const authz::Policy anonymized = policy_of(authz::Role::kAnonymousReader);
    CHECK(rows(bench, anonymized, "").size() == kMachines);
    for (const bool is_whole : {false, true})
        for (const Row& row : rows(bench, anonymized, "", is_whole)) {
            CHECK(std::string(row["owner"]).starts_with("anonymous:"));
            CHECK_FALSE(row.contains("user_tags"));
        }
    for (const std::string& text :
         {"owner=\"" + owner + "\"", std::string("not owner=\"x\""), std::string("owner~\"*1*\""),
          std::string("tag.project"), std::string("state or tag.project=alpha"),
          std::string("id~\"*machine1\""), std::string("disagreement"),
          std::string("parent~\"*machine1\""), std::string("not child")}) {
        INFO(text);
        CHECK(rows(bench, anonymized, text).empty());
        CHECK(bench.count(text, anonymized) == 0);
    }
    CHECK(rows(bench, anonymized, "id=machine7").size() == 1);
    CHECK_FALSE(rows(bench, anonymized, "parent=machine1").empty());
    CHECK_FALSE(rows(bench, anonymized, "host~\"n*\"").empty());
    for (const auto& [who, count] : groups(bench, anonymized, "owner"))
        CHECK(who.starts_with("anonymous:"));
    CHECK(groups(bench, anonymized, "owner").size() == 3);
}

TEST_CASE("who sees states alone learns no more by asking", "[query][property]") {
    Bench bench;
    bench.asker.set_name("4711");
    const authz::Policy reduced = policy_of(authz::Role::kMonitor);
    for (const Row& row : rows(bench, reduced, "", true)) {
        CHECK_FALSE(row.contains("owner"));
        CHECK_FALSE(row.contains("vm_phy_hostname"));
    }
    CHECK(rows(bench, reduced, "host~\"n*\"").empty());
    CHECK(rows(bench, reduced, "parent=machine1").empty());
    CHECK(rows(bench, reduced, "child=machine18").empty());
    CHECK(rows(bench, reduced, "state!=Purged and entered>0").size() == kMachines);
    CHECK(groups(bench, reduced, "host") ==
          std::map<std::string, std::uint64_t>{{"", std::uint64_t{kMachines}}});
    // Whoever registered a process sees it wholly, whatever he sees of others.
    bench.asker.set_name("1000");
    bench.asker.set_realm("node1.example.org");
    CHECK(rows(bench, reduced, "owner!=\"\"").size() == kOwned);
    CHECK(groups(bench, reduced, "owner").size() == 2);
}

TEST_CASE("events are found by those who see all of their process", "[query][property]") {
    Bench bench;
    const auto count = [&](const authz::Policy& by, const std::string& condition) {
        lb::v1::QueryRequest ask;
        ask.set_condition(condition);
        ask.set_limit(1000);
        ask.set_sort("-time");
        std::uint64_t listed = 0, counted = 0;
        std::string last = "9";
        REQUIRE(
            query::search_events({*bench.reader, by, bench.asker, kNoon}, ask, [&](const Row& row) {
                ++listed;
                CHECK(std::string(row["time"]) <= last);
                last = row["time"];
            }).ok());
        REQUIRE(
            query::count_events({*bench.reader, by, bench.asker, kNoon}, ask, [&](const Row& row) {
                counted = row["count"];
            }).ok());
        CHECK(listed == counted);
        return counted;
    };
    bench.asker.set_name("4711");
    CHECK(count(bench.policy, "") > 2 * kMachines);
    CHECK(count(bench.policy, "type=RegJob") == kMachines);
    CHECK(count(bench.policy, "field.name=project and field.value=alpha") == 8);
    CHECK(count(bench.policy, "process=machine3 and type=RegJob") == 1);
    CHECK(count(bench.policy, "process.owner=\"" + std::string(bench.statuses[1]["owner"]) +
                                  "\" and type=RegJob") == kOwned);
    CHECK(count(policy_of(authz::Role::kReader, "*machine1*"), "type=RegJob") == 11);
    CHECK(count(policy_of(authz::Role::kAnonymousReader), "") == 0);
    CHECK(count(policy_of(authz::Role::kMonitor), "") == 0);
}

TEST_CASE("what was at a moment is what the events up to then tell", "[query][property]") {
    const Bench bench;
    using Found = std::map<std::string, std::set<std::string>>;  // by what was
    for (std::size_t machine = 0; machine < bench.statuses.size(); machine += 7) {
        const std::string moment = bench.statuses[machine]["stateEnterTime"];
        Found expected;
        for (const Row& status : bench.statuses) {
            const std::string id = status["jobId"];
            const auto process = bench.reader->find_process(id);
            REQUIRE((process.ok() && process->has_value()));
            query::Past past(*bench.reader, {.at_us = event::time_from_text(moment).value()});
            const auto then = past.status_of(**process);
            const auto add = [&](const std::string& term, std::string_view value) {
                expected[value.empty() ? "not " + term : term + "=" + std::string(value)].insert(
                    id);
            };
            add("state_at." + moment, then.ok() ? to_string(then->status.state) : "");
            add("vm_state_at." + moment, then.ok() ? then->status.vm_state : "");
            add("host_at." + moment, then.ok() ? then->status.host : "");
        }
        for (const auto& [condition, ids] : expected) {
            INFO(condition);
            std::set<std::string> found;
            for (const Row& row : rows(bench, bench.policy, condition)) found.insert(row["jobId"]);
            CHECK(found == ids);
        }
    }
    // Of what its view hides nobody learns by the past.
    Bench other;
    other.asker.set_name("4711");
    const authz::Policy reduced = policy_of(authz::Role::kMonitor);
    CHECK(rows(other, reduced, "state_at.2040-01-01").size() == kMachines);
    CHECK(rows(other, reduced, "host_at.2040-01-01!=x").empty());
}

TEST_CASE("machines are found and counted by their cloud", "[query][property]") {
    Bench bench;
    const auto count = [&](const authz::Policy& by, const std::string& condition) {
        CHECK(rows(bench, by, condition).size() == bench.count(condition, by));
        return bench.count(condition, by);
    };
    CHECK(count(bench.policy, "cloud=\"one-vmid:cloud1\"") == 5);
    CHECK(count(bench.policy, "cloud~\"*:lab\" and tag.none!=x") == 5);
    CHECK(count(bench.policy, "cloud") == 10);
    CHECK(count(bench.policy, "not cloud and tag.none!=x") == kMachines - 10);
    const std::map<std::string, std::uint64_t> all = {
        {"", kMachines - 10}, {"one-vmid:cloud1", 5}, {"proxmox-vmid:lab", 5}};
    CHECK(groups(bench, bench.policy, "cloud") == all);
    bench.asker.set_name("4711");
    // Counted one by one, for who may read all that there are, but perhaps not all.
    CHECK(groups(bench, policy_of(authz::Role::kReader, "*machine*"), "cloud") == all);
    const authz::Policy anonymized = policy_of(authz::Role::kAnonymousReader);
    CHECK(groups(bench, anonymized, "cloud") ==
          std::map<std::string, std::uint64_t>{{"", kMachines}});
    CHECK(rows(bench, anonymized, "cloud").empty());
}

TEST_CASE("processes are found by the attributes of their job description", "[query][property]") {
    Bench bench;
    constexpr unsigned kJobs = 5;
    for (unsigned job = 0; job <= kJobs; ++job) {
        EventBuilder built(event::EventType::kRegJob, event::Source::kUserInterface,
                           "https://" + std::string(kService) + "/job" + std::to_string(job));
        built.at(90'000).counter(88'000 + job).id("job" + std::to_string(job));
        built.field("jobtype", "SIMPLE");
        built.field("jdl", job == 0 ? "j"
                                    : "[ VirtualOrganisation = \"atlas\"; Count = 3; "
                                      "Input = { \"a\", \"b\" }; ]");
        REQUIRE(bench.desk.verdict(built) == lb::v1::VERDICT_ACCEPTED);
    }
    for (const char* condition :
         {"jdl_classad.virtualorganisation=atlas", "jdl_classad.Count=3", "jdl_classad.Input=b",
          "jdl_classad.Input~\"?\"", "jdl_classad.VirtualOrganisation"}) {
        INFO(condition);
        CHECK(rows(bench, bench.policy, condition).size() == kJobs);
    }
    CHECK(rows(bench, bench.policy, "jdl_classad.VirtualOrganisation!=atlas").size() ==
          kMachines + 1);
    bench.asker.set_name("4711");
    CHECK(rows(bench, policy_of(authz::Role::kAnonymousReader), "jdl_classad.Count=3").empty());
}

TEST_CASE("events are found by anything of their process, and counted by groups",
          "[query][property]") {
    Bench bench;
    bench.asker.set_name("4711");
    const authz::Policy some = policy_of(authz::Role::kReader, "*machine*");
    const auto counts = [&](const authz::Policy& by, const std::string& condition,
                            const std::string& group) {
        lb::v1::QueryRequest ask;
        ask.set_condition(condition);
        ask.set_by(group);
        std::map<std::string, std::uint64_t> counted;
        const auto status =
            query::count_events({*bench.reader, by, bench.asker, kNoon}, ask, [&](const Row& row) {
                counted[group.empty() ? "" : std::string(row[group])] = row["count"];
            });
        INFO((status.ok() ? "" : status.error().text));
        REQUIRE(status.ok());
        return counted;
    };
    for (const auto& [condition, expected] : std::map<std::string, std::uint64_t>{
             {"type=RegJob and process.tag.project=alpha", 8},
             {"type=RegJob and process.parent=machine1", 8},
             {"type=RegJob and process.cloud=\"one-vmid:cloud1\"", 5},
             {"type=Bind", 10}}) {
        INFO(condition);
        CHECK(counts(bench.policy, condition, "").at("") == expected);
        CHECK(counts(some, condition, "").at("") == expected);
    }
    for (const char* group : {"type", "hour", "process.state", "process.host", "process.owner"}) {
        INFO(group);
        const auto by_columns = counts(bench.policy, "", group);
        CHECK(by_columns == counts(some, "", group));
        CHECK(by_columns.size() > 1);
    }
    CHECK(counts(bench.policy, "", "type").at("RegJob") == kMachines);
    lb::v1::QueryRequest wrong;
    wrong.set_by("cloud");
    CHECK(query::count_events({*bench.reader, some, bench.asker, kNoon}, wrong, [](const Row&) {})
              .error()
              .code == ErrorCode::kReject);
}

TEST_CASE("changes come once, to those who see the process", "[query][property]") {
    Bench bench;
    bench.asker.set_name("4711");
    const auto changes = [&](const authz::Policy& by, std::string& cursor,
                             const std::string& condition) {
        lb::v1::ChangesRequest ask;
        ask.set_condition(condition);
        ask.set_cursor(cursor);
        std::vector<Row> found;
        const auto next = query::list_changes({*bench.reader, by, bench.asker, kNoon}, ask,
                                              [&](const Row& row) { found.push_back(row); });
        INFO((next.ok() ? "" : next.error().text));
        REQUIRE(next.ok());
        cursor = *next;
        return found;
    };
    const authz::Policy reduced = policy_of(authz::Role::kMonitor);
    const authz::Policy none = policy_of(authz::Role::kPurger);
    std::string start;
    CHECK(changes(bench.policy, start, "").empty());
    std::string all = start, hidden = start, some = start, secret = start;
    EventBuilder stop(event::EventType::kVMRunning, event::Source::kVmManager, id_of(0));
    stop.at(90'000).counter(77'000).id("late").field("hostname", std::string("n9.example.org"));
    REQUIRE(bench.desk.verdict(stop) == lb::v1::VERDICT_ACCEPTED);
    const auto seen = changes(bench.policy, all, "host=\"n9.example.org\"");
    REQUIRE(seen.size() == 1);
    CHECK(seen[0]["jobId"] == id_of(0));
    CHECK(seen[0]["vm_state"] == "running");
    CHECK(seen[0].contains("old_state"));
    CHECK(changes(bench.policy, all, "").empty());
    CHECK(changes(none, hidden, "").empty());
    CHECK(changes(reduced, secret, "host=\"n9.example.org\"").empty());
    const auto less = changes(reduced, some, "");
    REQUIRE(less.size() == 1);
    CHECK(less[0]["vm_state"] == "running");
    CHECK_FALSE(less[0].contains("owner"));
    CHECK_FALSE(less[0].contains("vm_phy_hostname"));
    // What a timer finds is a change, too, for those who see disagreements.
    const auto writer = bench.desk.database->open_writer(902);
    REQUIRE(writer.ok());
    const auto process = bench.reader->find_process(id_of(0));
    REQUIRE((process.ok() && process->has_value()));
    const store::Change concern = {.process = (*process)->number,
                                   .revision = (*process)->revision,
                                   .old_state = (*process)->state,
                                   .new_state = (*process)->state,
                                   .old_concerns = "stale",
                                   .new_concerns = "silent stale",
                                   .changed_us = kNoon};
    REQUIRE((*writer)->begin().ok());
    REQUIRE((*writer)->add_changes(std::span(&concern, 1)).ok());
    REQUIRE((*writer)->commit().ok());
    const auto concerned = changes(bench.policy, all, "");
    REQUIRE(concerned.size() == 1);
    CHECK(concerned[0]["old_concerns"] == Row({"stale"}));
    CHECK(concerned[0]["concerns"] == Row({"silent", "stale"}));
    CHECK(changes(reduced, some, "").empty());
    std::string wrong = "c1:x";
    lb::v1::ChangesRequest ask;
    ask.set_cursor(wrong);
    CHECK_FALSE(
        query::list_changes({*bench.reader, bench.policy, bench.asker, kNoon}, ask, [](const Row&) {
        }).ok());
}
