// Pages by a filter, counts and indices: what filter.h and store.h promise of them.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "bkserver/store/mariadb/connection.h"
#include "bkserver/store/mariadb/reader.h"
#include "tests/conformance/store_bench.h"

namespace {

using Bench = lb::test::StoreBench;
using lb::ErrorCode;
using namespace lb::store;
using Step = Filter::Step;

constexpr std::int64_t kNoon = 1'700'000'000'000'000;
constexpr std::int64_t kHour = 3'600'000'000;
const std::string kScope = "https://lb.example.org:9000/";

Filter only(Clause clause) {
    return {{std::move(clause)}, {Step::kClause}};
}

Filter negated(Filter filter) {
    filter.steps.push_back(Step::kNot);
    return filter;
}

Filter joined(Filter left, const Filter& right, Step step) {
    left.clauses.insert(left.clauses.end(), right.clauses.begin(), right.clauses.end());
    left.steps.insert(left.steps.end(), right.steps.begin(), right.steps.end());
    left.steps.push_back(step);
    return left;
}

Process process(const std::string& state, const std::string& host, std::int64_t entered_us) {
    Process made;
    made.type = 11;
    made.state = state;
    made.host = host;
    made.owner = host.empty() ? "" : "certificate:/CN=alice";
    made.entered_us = entered_us;
    made.updated_us = -entered_us;
    made.registers = "registers";
    return made;
}

// Short names of what a selection finds, in its order, in pages of `page`.
std::string names(Reader& reader, ProcessSelection selection, std::uint32_t page = 100) {
    std::string text;
    selection.limit = page;
    for (;;) {
        const auto found = reader.search_processes(selection);
        INFO((found.ok() ? "" : found.error().text));
        REQUIRE(found.ok());
        for (const Process& one : *found) text += one.id.substr(kScope.size());
        if (found->size() < page) return text;
        const Process& last = found->back();
        selection.after = Place{selection.order == ProcessOrder::kFounded   ? 0
                                : selection.order == ProcessOrder::kEntered ? last.entered_us
                                                                            : last.updated_us,
                                last.number};
    }
}

std::string names(Reader& reader, Filter filter) {
    return names(reader, ProcessSelection{.filter = std::move(filter)});
}

// Four processes a to d; a key of c; one that is nobody's; one that was merged.
struct Filled : Bench {
    Filled() {
        Process registered = process("Running", "node1", kNoon);
        registered.registrant = "uid:1@node1";
        a = found(kScope + "a", registered);
        Process shared = process("Done", "node1", kNoon + kHour);
        shared.has_access_list = true;
        found(kScope + "b", shared);
        const ProcessNumber c = found(kScope + "c", process("Running", "n_de2", kNoon));
        found(kScope + "d", process("Done", "", -kHour));
        Process unowned = process("", "", 0);
        unowned.type = 0;
        found("one-vmid:cloud1/7", unowned);
        Process merged = process("Running", "node1", kNoon);
        merged.merged_into = c;
        key = found("one-vmid:cloud1/42", merged);
        REQUIRE(writer->begin().ok());
        REQUIRE(writer->move_subjects(key, c).ok());
        REQUIRE(writer->commit().ok());
    }
    ProcessNumber a = 0;
    ProcessNumber key = 0;
};

std::vector<std::string> ids(const std::vector<FoundEvent>& events) {
    std::vector<std::string> found;
    for (const FoundEvent& one : events)
        found.push_back(one.event.event_id.substr(0, one.event.event_id.find('.')));
    return found;
}

}  // namespace

TEST_CASE("a filter selects by texts, patterns, numbers and names", "[store]") {
    Filled bench;
    Reader& reader = *bench.reader;
    CHECK(names(reader, Filter{}) == "abcd");
    CHECK(names(reader, only({Column::kState, Match::kOneOf, {"Running"}})) == "ac");
    CHECK(names(reader, only({Column::kState, Match::kOneOf, {"Done", "Frozen"}})) == "bd");
    CHECK(names(reader, only({Column::kState, Match::kOneOf, {"Frozen"}})).empty());
    CHECK(names(reader, negated(only({Column::kState, Match::kOneOf, {"Frozen"}}))) == "abcd");
    CHECK(names(reader, only({Column::kState, Match::kOneOf, {}})).empty());
    CHECK(names(reader, only({Column::kOwner, Match::kOneOf, {""}})) == "d");
    CHECK(names(reader, only({Column::kRegistrant, Match::kOneOf, {"uid:1@node1"}})) == "a");
    CHECK(names(reader, only({Column::kRegistrant, Match::kPattern, {"uid:1@*"}})) == "a");
    CHECK(names(reader, only({Column::kRegistrant, Match::kOneOf, {""}})) == "bcd");
    CHECK(names(reader, only({Column::kAccessList, Match::kOneOf, {}, {1}})) == "b");
    CHECK(names(reader, only({Column::kHost, Match::kPattern, {"node*"}})) == "ab");
    CHECK(names(reader, only({Column::kHost, Match::kPattern, {"n?de?"}})) == "abc");
    // What the database's own patterns mean is nothing here.
    CHECK(names(reader, only({Column::kHost, Match::kPattern, {"n_de*"}})) == "c");
    CHECK(names(reader, only({Column::kHost, Match::kPattern, {"NODE*"}})).empty());
    CHECK(names(reader, only({Column::kHost, Match::kPattern, {"*"}})) == "abcd");
    CHECK(names(reader, only({Column::kHost, Match::kPattern, {"?*"}})) == "abc");
    CHECK(names(reader, only({Column::kEntered, Match::kAtLeast, {}, {kNoon + 1}})) == "b");
    CHECK(names(reader, only({Column::kEntered, Match::kAtMost, {}, {-1}})) == "d");
    CHECK(names(reader, only({Column::kType, Match::kOneOf, {}, {11, 12}})) == "abcd");
    CHECK(names(reader, only({Column::kProcessNumber, Match::kOneOf, {}, {bench.a}})) == "a");
    CHECK(names(reader, only({Column::kName, Match::kOneOf, {"a", kScope + "b"}})) == "ab");
    CHECK(names(reader, only({Column::kName, Match::kOneOf, {"one-vmid:cloud1/42"}})) == "c");
    CHECK(names(reader, only({Column::kName, Match::kOneOf, {"one-vmid:cloud1/7"}})).empty());
    CHECK(names(reader, only({Column::kName, Match::kPattern, {"one-vmid:*"}})) == "c");
    CHECK(names(reader, only({Column::kName, Match::kPattern, {kScope + "?"}})) == "abcd");
}

TEST_CASE("a filter selects those below and above a process", "[store]") {
    Filled bench;
    const ProcessNumber d = bench.reader->find_process("d").value()->number;
    const Relation relations[] = {{.parent = bench.a, .child = bench.a + 1, .state = 1},
                                  {.parent = bench.a, .child = d, .state = 1},
                                  {.parent = bench.a + 1, .child = d, .state = 1}};
    REQUIRE(bench.writer->begin().ok());
    REQUIRE(bench.writer->put_relations(relations).ok());
    REQUIRE(bench.writer->commit().ok());
    Reader& reader = *bench.reader;
    CHECK(names(reader, only({Column::kParent, Match::kOneOf, {"a"}})) == "bd");
    CHECK(names(reader, only({Column::kParent, Match::kOneOf, {kScope + "b"}})) == "d");
    CHECK(names(reader, only({Column::kParent, Match::kOneOf, {"d", "nobody"}})).empty());
    CHECK(names(reader, only({Column::kChild, Match::kOneOf, {"d"}})) == "ab");
    CHECK(names(reader, only({Column::kChild, Match::kPattern, {"*/?"}})) == "ab");
    CHECK(names(reader, only({Column::kParent, Match::kOneOf, {""}})) == "ac");
    CHECK(names(reader, only({Column::kParent, Match::kOneOf, {"", "b"}})) == "acd");
    CHECK(names(reader, only({Column::kChild, Match::kOneOf, {""}})) == "cd");
    CHECK(names(reader, only({Column::kChild, Match::kPattern, {"*"}})) == "abcd");
    CHECK(reader.parents_of(d).value().size() == 2);
}

TEST_CASE("filters join as they say", "[store]") {
    Filled bench;
    Reader& reader = *bench.reader;
    const Filter running = only({Column::kState, Match::kOneOf, {"Running"}});
    const Filter on_node1 = only({Column::kHost, Match::kOneOf, {"node1"}});
    const Filter early = only({Column::kEntered, Match::kAtMost, {}, {0}});
    CHECK(names(reader, joined(running, on_node1, Step::kAnd)) == "a");
    CHECK(names(reader, joined(running, on_node1, Step::kOr)) == "abc");
    CHECK(names(reader, joined(joined(running, on_node1, Step::kAnd), early, Step::kOr)) == "ad");
    CHECK(names(reader, joined(running, joined(on_node1, early, Step::kOr), Step::kAnd)) == "a");
    CHECK(names(reader, negated(joined(running, negated(on_node1), Step::kOr))) == "b");
    CHECK(names(reader, joined(negated(running), negated(negated(on_node1)), Step::kAnd)) == "b");
    const auto both = std::vector{running.clauses[0], on_node1.clauses[0]};
    CHECK(names(reader, Filter::all_of(both)) == "a");
    CHECK(names(reader, Filter::any_of(both)) == "abc");
    CHECK(names(reader, Filter::any_of(both).narrow(negated(running))) == "b");
    CHECK(names(reader, Filter::all_of({}).narrow(on_node1)) == names(reader, on_node1));
    CHECK(names(reader, Filter(on_node1).narrow({})) == names(reader, on_node1));
}

TEST_CASE("pages follow each other in every order, also over equal values", "[store]") {
    Filled bench;
    const auto pages = [&](ProcessOrder order, bool is_descending) {
        const ProcessSelection selection = {.order = order, .is_descending = is_descending};
        std::set<std::string> found;
        for (std::uint32_t page = 1; page <= 5; ++page)
            found.insert(names(*bench.reader, selection, page));
        REQUIRE(found.size() == 1);
        return *found.begin();
    };
    CHECK(pages(ProcessOrder::kFounded, false) == "abcd");
    CHECK(pages(ProcessOrder::kFounded, true) == "dcba");
    CHECK(pages(ProcessOrder::kEntered, false) == "dacb");
    CHECK(pages(ProcessOrder::kEntered, true) == "bcad");
    CHECK(pages(ProcessOrder::kUpdated, false) == "bacd");
    const auto whole =
        bench.reader->search_processes({.limit = 1, .with_registers = true}).value().at(0);
    CHECK(whole.registers == "registers");
    CHECK(bench.reader->search_processes({.limit = 1}).value().at(0).registers.empty());
}

TEST_CASE("processes are counted by what stands in a column", "[store]") {
    Filled bench;
    Reader& reader = *bench.reader;
    CHECK(reader.count_processes({}, std::nullopt).value().at(0).count == 4);
    const Filter running = only({Column::kState, Match::kOneOf, {"Running"}});
    CHECK(reader.count_processes(running, std::nullopt).value().at(0).count == 2);
    std::set<std::pair<std::string, std::uint64_t>> hosts;
    const auto by_host = reader.count_processes({}, Column::kHost).value();
    for (const Count& count : by_host) hosts.emplace(count.text, count.count);
    CHECK(hosts ==
          std::set<std::pair<std::string, std::uint64_t>>{{"", 1}, {"n_de2", 1}, {"node1", 2}});
    std::set<std::pair<std::int64_t, std::uint64_t>> hours;
    const auto by_hour = reader.count_processes({}, Column::kEntered).value();
    for (const Count& count : by_hour) hours.emplace(count.number, count.count);
    CHECK(hours ==
          std::set<std::pair<std::int64_t, std::uint64_t>>{
              {-kHour, 1}, {kNoon / kHour * kHour, 2}, {kNoon / kHour * kHour + kHour, 1}});
    CHECK(reader.count_processes({}, Column::kUpdated).error().code == ErrorCode::kReject);
    CHECK(reader.count_processes({}, Column::kEventType).error().code == ErrorCode::kReject);
}

TEST_CASE("the cloud of a process is the scope of the first key that a cloud gave", "[store]") {
    Filled bench;
    Reader& reader = *bench.reader;
    CHECK(names(reader, only({Column::kCloud, Match::kOneOf, {"one-vmid:cloud1"}})) == "c");
    CHECK(names(reader, only({Column::kCloud, Match::kOneOf, {"one-vmid:cloud2", "one-vmid:"}}))
              .empty());
    CHECK(names(reader, only({Column::kCloud, Match::kPattern, {"*:cloud?"}})) == "c");
    CHECK(names(reader, only({Column::kCloud, Match::kOneOf, {""}})) == "abd");
    std::set<std::pair<std::string, std::uint64_t>> clouds;
    const auto by_cloud = reader.count_processes({}, Column::kCloud).value();
    for (const Count& count : by_cloud) clouds.emplace(count.text, count.count);
    CHECK(clouds ==
          std::set<std::pair<std::string, std::uint64_t>>{{"", 3}, {"one-vmid:cloud1", 1}});
}

TEST_CASE("events are selected by their own time and by their process", "[store]") {
    Filled bench;
    const Subject a = {bench.a, kScope + "a", bench.a};
    const Subject key = {bench.key, "one-vmid:cloud1/42", 0};
    std::vector<Event> events = {bench.event(a, kNoon + 5, "late"), bench.event(a, -7, "first"),
                                 bench.event(key, kNoon, "noon"), bench.event(a, kNoon, "equal")};
    REQUIRE(bench.writer->begin().ok());
    REQUIRE(bench.writer->add_events(events).ok());
    REQUIRE(bench.writer->commit().ok());
    Reader& reader = *bench.reader;
    const auto select = [&](Filter filter, bool is_descending, std::uint32_t page) {
        EventSelection selection = {.filter = std::move(filter), .is_descending = is_descending};
        selection.limit = page;
        std::vector<std::string> found;
        for (;;) {
            const auto some = reader.search_events(selection).value();
            for (const std::string& id : ids(some)) found.push_back(id);
            if (some.size() < page) return found;
            selection.after = Place{some.back().time_us, some.back().event.arrival};
        }
    };
    const std::vector<std::string> all = {"first", "noon", "equal", "late"};
    const std::vector<std::string> backward = {"late", "equal", "noon", "first"};
    for (std::uint32_t page = 1; page <= 5; ++page) {
        CHECK(select({}, false, page) == all);
        CHECK(select({}, true, page) == backward);
    }
    const Filter at_noon =
        joined(only({Column::kEventTime, Match::kAtLeast, {}, {kNoon}}),
               only({Column::kEventTime, Match::kAtMost, {}, {kNoon}}), Step::kAnd);
    CHECK(select(at_noon, false, 10) == std::vector<std::string>{"noon", "equal"});
    const Filter of_c = only({Column::kHost, Match::kOneOf, {"n_de2"}});
    CHECK(select(of_c, false, 10) == std::vector<std::string>{"noon"});
    CHECK(select(only({Column::kEventType, Match::kOneOf, {}, {1}}), false, 10).empty());
    CHECK(reader.count_events({}, std::nullopt).value().at(0).count == 4);
    CHECK(reader.count_events(at_noon, std::nullopt).value().at(0).count == 2);
    std::set<std::pair<std::int64_t, std::uint64_t>> hours;
    const auto by_hour = reader.count_events({}, Column::kEventTime).value();
    for (const Count& count : by_hour) hours.emplace(count.number, count.count);
    CHECK(hours ==
          std::set<std::pair<std::int64_t, std::uint64_t>>{{0, 1}, {kNoon / kHour * kHour, 3}});
    CHECK(reader.count_events(of_c, Column::kHost).value().at(0).text == "n_de2");
    CHECK(reader.count_events({}, Column::kUpdated).error().code == ErrorCode::kReject);
    const auto found = reader.search_events({.filter = of_c, .limit = 1}).value().at(0);
    CHECK(found.time_us == kNoon);
    CHECK(found.event.envelope == events[2].envelope);
}

TEST_CASE("events of older schemas get their time when the schema is brought up", "[store]") {
    Bench bench;
    const auto number = bench.found(kScope + "a");
    const Subject subject = {number, kScope + "a", number};
    const std::vector<Event> events = {bench.event(subject, kNoon, "noon"),
                                       bench.event(subject, -7, "first")};
    REQUIRE(bench.writer->begin().ok());
    REQUIRE(bench.writer->add_events(events).ok());
    REQUIRE(bench.writer->commit().ok());
    lb::store::mariadb::Connection connection(bench.dsn);
    REQUIRE(connection.use().ok());
    REQUIRE(connection.run("ALTER TABLE event DROP COLUMN time_us").ok());
    REQUIRE(connection.run("UPDATE meta SET value = '3' WHERE name = 'schema'").ok());
    const auto again = bench.open("server-one");
    const auto found = again->open_reader().value()->search_events({.limit = 10}).value();
    REQUIRE(found.size() == 2);
    CHECK(found[0].time_us == -7);
    CHECK(found[1].time_us == kNoon);
}

TEST_CASE("a reader of changes begins where they end", "[store]") {
    Bench bench;
    const auto number = bench.found(kScope + "a");
    const auto write = [&] {
        REQUIRE(bench.writer->begin().ok());
        const Change change = {.process = number, .new_state = "Running"};
        REQUIRE(bench.writer->add_changes(std::span(&change, 1)).ok());
        REQUIRE(bench.writer->commit().ok());
    };
    write();
    const ChangeCursor newest = bench.reader->newest_changes().value();
    CHECK(bench.reader->changes_after(newest, 10).value().empty());
    write();
    CHECK(bench.reader->changes_after(newest, 10).value().size() == 1);
    CHECK(bench.reader->changes_after({}, 10).value().size() == 2);
}

TEST_CASE("indices come and go while others write", "[store]") {
    Bench bench;
    for (int i = 0; i < 20; ++i) bench.found(kScope + std::to_string(i));
    std::thread writing([&] {
        for (int i = 20; i < 120; ++i) bench.found(kScope + std::to_string(i));
    });
    auto reader = bench.database->open_reader().value();
    const Column columns[] = {Column::kOwner, Column::kEntered};
    const auto added = reader->add_index(columns);
    writing.join();
    INFO((added.ok() ? "" : added.error().text));
    REQUIRE(added.ok());
    CHECK(*added == "q_owner_entered_us");
    CHECK(reader->add_index(columns).error().code == ErrorCode::kConflict);
    const auto present = reader->list_indices().value();
    const auto own = std::find_if(present.begin(), present.end(),
                                  [](const Index& index) { return index.name == "state"; });
    REQUIRE(own != present.end());
    CHECK(own->is_own);
    const Column state[] = {Column::kState};
    CHECK(own->columns == std::vector<Column>(std::begin(state), std::end(state)));
    CHECK(reader->add_index(state).error().code == ErrorCode::kConflict);
    const auto ours = std::find_if(present.begin(), present.end(),
                                   [&](const Index& index) { return index.name == *added; });
    REQUIRE(ours != present.end());
    CHECK_FALSE(ours->is_own);
    CHECK(ours->columns == std::vector<Column>(std::begin(columns), std::end(columns)));
    CHECK(reader->drop_index("state").error().code == ErrorCode::kNotFound);
    CHECK(reader->drop_index(*added).ok());
    CHECK(reader->drop_index(*added).error().code == ErrorCode::kNotFound);
    const Column none[] = {Column::kName};
    CHECK(reader->add_index(none).error().code == ErrorCode::kReject);
    CHECK(bench.reader->count_processes({}, std::nullopt).value().at(0).count == 120);
}

TEST_CASE("what takes long is reported with its plan", "[store]") {
    Bench bench;
    for (int i = 0; i < 200; ++i) bench.found(kScope + std::to_string(i));
    std::vector<lb::store::mariadb::SlowQuery> slow;
    auto database = lb::store::mariadb::MariadbDatabase::open(
        {bench.dsn,
         "server-two",
         "lb.example.org:9000",
         {.slow_milliseconds = 1, .report = [&](const auto& query) { slow.push_back(query); }}});
    REQUIRE(database.ok());
    auto reader = (*database)->open_reader().value();
    // Many patterns, so that it takes its millisecond on any machine, sooner or later.
    Filter filter = only({Column::kName, Match::kPattern, {"*a*b*c*d*e*"}});
    for (int i = 0; i < 20; ++i)
        filter = joined(filter, only({Column::kName, Match::kPattern, {"*1*2*3*4*"}}), Step::kOr);
    for (int i = 0; i < 500 && slow.empty(); ++i)
        REQUIRE(reader->count_processes(filter, std::nullopt).ok());
    REQUIRE_FALSE(slow.empty());
    CHECK(slow[0].milliseconds >= 1);
    CHECK(slow[0].sql.find("SELECT") != std::string::npos);
    CHECK(slow[0].plan.find("query_block") != std::string::npos);
    CHECK(slow[0].plan.find('\n') == std::string::npos);
    CHECK_FALSE(slow[0].was_ended);
}

TEST_CASE("what comes to its bound is ended, and the reader goes on", "[store]") {
    Bench bench;
    bench.found(kScope + "a");
    std::vector<lb::store::mariadb::SlowQuery> ended;
    auto database = lb::store::mariadb::MariadbDatabase::open(
        {bench.dsn,
         "server-two",
         "lb.example.org:9000",
         {.seconds_max = 1, .report = [&](const auto& query) { ended.push_back(query); }}});
    REQUIRE(database.ok());
    auto reader = (*database)->open_reader().value();
    // As long as somebody changes the table there is no answer, whatever the machine.
    lb::store::mariadb::Connection other(bench.dsn);
    REQUIRE(other.use().ok());
    REQUIRE(other.run("LOCK TABLES process WRITE").ok());
    const auto counted = reader->count_processes({}, std::nullopt);
    REQUIRE(other.run("UNLOCK TABLES").ok());
    REQUIRE_FALSE(counted.ok());
    CHECK(counted.error().code == ErrorCode::kFull);
    CHECK(counted.error().text.find("longer than a question may") != std::string::npos);
    REQUIRE(ended.size() == 1);
    CHECK(ended[0].was_ended);
    CHECK(ended[0].sql.find("COUNT(*)") != std::string::npos);
    CHECK(ended[0].plan == "not known");
    const auto again = reader->count_processes({}, std::nullopt);
    REQUIRE(again.ok());
    CHECK(again->at(0).count == 1);
    CHECK(ended.size() == 1);
}
