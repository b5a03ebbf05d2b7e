// What store.h promises, tried on the private mariadbd.
#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "bkserver/store/mariadb/connection.h"
#include "bkserver/store/mariadb/database.h"
#include "bkserver/store/store.h"
#include "tests/conformance/store_bench.h"
#include "tests/support/used_bytes.h"

namespace {

using lb::ErrorCode;
using lb::store::Event;
using lb::store::Process;
using lb::store::Subject;
using lb::store::mariadb::MariadbDatabase;
using lb::store::mariadb::Value;

constexpr std::int64_t kNoon = 1'700'000'000'000'000;

using Bench = lb::test::StoreBench;

const std::string kId = "https://lb.example.org:9000/abcdef";

}  // namespace

TEST_CASE("a process is read back as it was written", "[store]") {
    Bench bench;
    const auto number = bench.found(kId);
    const auto process = bench.reader->find_process(kId).value();
    REQUIRE(process);
    CHECK(process->number == number);
    CHECK(process->id == kId);
    CHECK(process->state == "Submitted");
    CHECK(process->owner == "certificate:/DC=org/CN=alice");
    CHECK(process->registers == "registers of " + kId);
    CHECK(bench.reader->find_process("abcdef").value()->number == number);
    CHECK_FALSE(bench.reader->find_process("abcde").value());
    CHECK_FALSE(bench.reader->find_process("https://other.example.org:9000/abcdef").value());
}

TEST_CASE("many processes are found as each of them alone", "[store]") {
    Bench bench;
    const auto number = bench.found(kId);
    const auto other = bench.found(kId + "-other");
    const std::string key = "opennebula:one/42";
    REQUIRE(bench.writer->begin().ok());
    const auto key_number = bench.writer->take_subject_numbers(1).value();
    const Subject subjects[] = {{key_number, key, number}};
    REQUIRE(bench.writer->add_subjects(subjects).ok());
    const std::vector<lb::store::Heartbeat> beats = {{other, "VMSystem/vm1", 100, 101, 5},
                                                     {number, "VMSystem/vm2", 200, 201, 6},
                                                     {number, "VMManager/node1", 50, 51, 0}};
    REQUIRE(bench.writer->put_heartbeats(beats).ok());
    REQUIRE(bench.writer->commit().ok());
    const std::vector<std::string> names = {
        kId + "-other", "abcdef", "abcde", key, kId, "https://other.example.org:9000/abcdef", kId};
    const auto found = bench.reader->find_processes(names).value();
    REQUIRE(found.size() == names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
        CAPTURE(names[i]);
        const auto alone = bench.reader->find_process(names[i]).value();
        REQUIRE(found[i].has_value() == alone.has_value());
        if (!alone) continue;
        CHECK(found[i]->number == alone->number);
        CHECK(found[i]->id == alone->id);
        CHECK(found[i]->registers == alone->registers);
    }
    CHECK(bench.reader->find_processes({}).value().empty());
    const std::vector<lb::store::ProcessNumber> numbers = {other, number, number + 1000};
    const auto revisions = bench.reader->revisions_of(numbers).value();
    CHECK(revisions == std::map<lb::store::ProcessNumber, std::uint32_t>{{number, 1}, {other, 1}});
    const auto heard = bench.reader->heartbeats_of(numbers).value();
    REQUIRE(heard.size() == 3);
    CHECK(heard[0].process == number);
    CHECK(heard[0].reporter == "VMManager/node1");
    CHECK(heard[1].uptime_s == 6);
    CHECK(heard[2].process == other);
}

TEST_CASE("what is set apart of a process is read back, alone and in lists", "[store]") {
    Bench bench;
    Process process = bench.reader->get_process(bench.found(kId)).value().value();
    for (bool Process::*flag : {&Process::is_adopted, &Process::not_understood,
                                &Process::has_access_list, &Process::has_heartbeats}) {
        CHECK_FALSE(process.*flag);
        process.*flag = true;
        ++process.revision;
        REQUIRE(bench.writer->begin().ok());
        REQUIRE(bench.writer->save_processes(std::span(&process, 1)).ok());
        REQUIRE(bench.writer->commit().ok());
        CHECK(bench.reader->find_process(kId).value().value().*flag);
        CHECK(bench.reader->search_processes({.limit = 10}).value().at(0).*flag);
    }
}

TEST_CASE("nothing of a transaction that was not committed is there", "[store]") {
    Bench bench;
    REQUIRE(bench.writer->begin().ok());
    const auto number = bench.writer->take_subject_numbers(1).value();
    const Subject subject = {number, kId, number};
    REQUIRE(bench.writer->add_subjects(std::span(&subject, 1)).ok());
    bench.writer->rollback();
    CHECK_FALSE(bench.reader->find_process(kId).value());
    const std::vector<std::string> texts = {kId};
    REQUIRE(bench.writer->begin().ok());
    CHECK_FALSE(bench.writer->find_subjects(texts).value()[0]);
}

TEST_CASE("registers are written only over the revision that was read", "[store]") {
    Bench bench;
    const auto number = bench.found(kId);
    auto process = *bench.reader->get_process(number).value();
    process.revision = 2;
    process.state = "Running";
    REQUIRE(bench.writer->begin().ok());
    REQUIRE(bench.writer->save_processes(std::span(&process, 1)).ok());
    REQUIRE(bench.writer->commit().ok());
    REQUIRE(bench.writer->begin().ok());
    const auto late = bench.writer->save_processes(std::span(&process, 1));
    REQUIRE_FALSE(late.ok());
    CHECK(late.error().code == ErrorCode::kConflict);
    bench.writer->rollback();
    CHECK(bench.reader->get_process(number).value()->state == "Running");
}

TEST_CASE("an envelope is read back byte by byte and found by its id", "[store]") {
    Bench bench;
    const auto number = bench.found(kId);
    const Subject subject = {number, kId, number};
    const std::vector<Event> events = {bench.event(subject, kNoon, "one"),
                                       bench.event(subject, kNoon + 1, "two")};
    REQUIRE(bench.writer->begin().ok());
    REQUIRE(bench.writer->add_events(events).ok());
    const std::vector<std::string> ids = {events[1].event_id, std::string(16, 'x')};
    const auto found = bench.writer->find_events(ids).value();
    REQUIRE(found.size() == 1);
    CHECK(found[0].envelope == events[1].envelope);
    CHECK(found[0].order_key == events[1].order_key);
    CHECK(found[0].forwarder.name() == "/CN=node1");
    CHECK(found[0].arrived_us == kNoon + 21);
    CHECK(bench.writer->commit().ok());
}

TEST_CASE("what newer versions put into an envelope, and in what order, is kept", "[store]") {
    const std::string newer("\xf2\x07\x03new", 6);  // field 126
    const auto odd = GENERATE_REF(values<std::string>({
        newer,                                               // of the envelope
        std::string("\x2a\x06", 2) + newer,                  // of its acceptance
        std::string("\x2a\x08\x1a\x06", 4) + newer,          // of the identity there
        newer + std::string("\x20\x01", 2),                  // a known field behind it
        std::string("\x20\x00", 2),                          // a zero that is said
        std::string("\x2a\x02\x10\x07\x2a\x02\x10\x08", 8),  // an acceptance in two parts
    }));
    Bench bench;
    const auto number = bench.found(kId);
    const Subject subject = {number, kId, number};
    Event event = bench.event(subject, kNoon, "one");
    event.envelope += odd;
    REQUIRE(bench.writer->begin().ok());
    REQUIRE(bench.writer->add_events(std::span(&event, 1)).ok());
    REQUIRE(bench.writer->commit().ok());
    CHECK(bench.reader->read_history(number, "", 10).value().events[0].envelope == event.envelope);
}

TEST_CASE("the same event id is stored once", "[store]") {
    Bench bench;
    const auto number = bench.found(kId);
    const Subject subject = {number, kId, number};
    const Event event = bench.event(subject, kNoon, "one");
    REQUIRE(bench.writer->begin().ok());
    REQUIRE(bench.writer->add_events(std::span(&event, 1)).ok());
    REQUIRE(bench.writer->commit().ok());
    Event twin = bench.event(subject, kNoon + 5, "one");
    REQUIRE(bench.writer->begin().ok());
    const auto again = bench.writer->add_events(std::span(&twin, 1));
    REQUIRE_FALSE(again.ok());
    CHECK(again.error().code == ErrorCode::kConflict);
}

TEST_CASE("arrivals come in their order whatever they hang on, by time and in pages", "[store]") {
    Bench bench;
    const auto number = bench.found(kId);
    const auto other = bench.found(kId + "2");
    std::vector<Event> events;
    for (int i = 0; i < 9; ++i)  // younger events arrive first
        events.push_back(
            i % 2 == 0 ? bench.event({number, kId, number}, kNoon - i, std::to_string(i))
                       : bench.event({other, kId + "2", other}, kNoon - i, std::to_string(i)));
    REQUIRE(bench.writer->begin().ok());
    REQUIRE(bench.writer->add_events(events).ok());
    REQUIRE(bench.writer->commit().ok());
    std::vector<std::string> ids;
    for (lb::store::ArrivalNumber after = 0;;) {
        const auto page = bench.reader->read_arrivals(after, 0, kNoon * 2, 2).value();
        for (const Event& event : page) ids.push_back(event.event_id);
        if (page.size() < 2) break;
        after = page.back().arrival;
    }
    REQUIRE(ids.size() == events.size());
    for (std::size_t i = 0; i < events.size(); ++i) CHECK(ids[i] == events[i].event_id);
    // Arrived 20 us after they happened: from is within, to is not.
    const auto some = bench.reader->read_arrivals(0, kNoon + 18, kNoon + 20, 10).value();
    REQUIRE(some.size() == 2);
    CHECK(some[0].envelope == events[1].envelope);
}

TEST_CASE("history comes in the order of the keys in pages of any size", "[store]") {
    Bench bench;
    const auto number = bench.found(kId);
    REQUIRE(bench.writer->begin().ok());
    const auto key_number = bench.writer->take_subject_numbers(1).value();
    const std::vector<Subject> subjects = {
        {key_number, "libvirt-uuid:/6b1a2a9e-0000-4000-8000-000000000001", number}};
    REQUIRE(bench.writer->add_subjects(subjects).ok());
    std::vector<Event> events;
    for (int i = 0; i < 60; ++i) {
        // Many events of the same microsecond, over both names of the process.
        const Subject subject = {
            i % 3 == 0 ? key_number : number,
            i % 3 == 0 ? "libvirt-uuid:/6b1a2a9e-0000-4000-8000-000000000001" : kId, number};
        events.push_back(bench.event(subject, kNoon + (i * 7 % 11) / 4, std::to_string(i * 37)));
    }
    REQUIRE(bench.writer->add_events(events).ok());
    REQUIRE(bench.writer->commit().ok());
    std::sort(events.begin(), events.end(),
              [](const Event& a, const Event& b) { return a.order_key < b.order_key; });
    for (const std::uint32_t limit : {1U, 2U, 7U, 59U, 60U, 100U}) {
        std::vector<std::string> ids;
        std::string cursor;
        do {
            const auto page = bench.reader->read_history(number, cursor, limit).value();
            CHECK(page.events.size() <= limit);
            for (const Event& event : page.events) ids.push_back(event.event_id);
            cursor = page.cursor;
        } while (!cursor.empty());
        REQUIRE(ids.size() == events.size());
        for (std::size_t i = 0; i < ids.size(); ++i) CHECK(ids[i] == events[i].event_id);
    }
}

TEST_CASE("changes are numbered without gaps in each stream, over rollbacks and restarts",
          "[store]") {
    Bench bench;
    const auto number = bench.found(kId);
    const auto add = [&](lb::store::Writer& writer, bool is_committed) {
        REQUIRE(writer.begin().ok());
        const lb::store::Change change = {.process = number, .new_state = "Running"};
        REQUIRE(writer.add_changes(std::span(&change, 1)).ok());
        REQUIRE(writer.add_changes(std::span(&change, 1)).ok());
        if (is_committed)
            REQUIRE(writer.commit().ok());
        else
            writer.rollback();
    };
    add(*bench.writer, false);
    add(*bench.writer, true);
    add(*bench.writer, false);
    const auto again = bench.open("server-one");
    add(*again->open_writer(0).value(), true);
    add(*bench.open("server-two")->open_writer(0).value(), true);
    const auto changes = bench.reader->changes_after({}, 100).value();
    REQUIRE(changes.size() == 6);
    std::map<std::uint32_t, std::vector<std::uint64_t>> numbers;
    for (const auto& change : changes) numbers[change.stream].push_back(change.number);
    REQUIRE(numbers.size() == 2);
    for (const auto& [stream, list] : numbers)
        for (std::size_t i = 0; i < list.size(); ++i) CHECK(list[i] == i + 1);
    const lb::store::ChangeCursor seen = {{changes[0].stream, 3}};
    CHECK(bench.reader->changes_after(seen, 100).value().size() == 3);
}

TEST_CASE("changes come by their times, whichever stream they stand in", "[store]") {
    Bench bench;
    const auto number = bench.found(kId);
    const auto database = bench.open("server-two");
    const auto other = database->open_writer(0).value();
    for (std::int64_t time = 1; time <= 6; ++time) {
        lb::store::Writer& writer = time % 3 == 0 ? *bench.writer : *other;
        const lb::store::Change change = {
            .process = number, .new_state = "Done", .changed_us = time};
        REQUIRE(writer.begin().ok());
        REQUIRE(writer.add_changes(std::span(&change, 1)).ok());
        REQUIRE(writer.commit().ok());
    }
    lb::store::ChangeCursor seen;
    for (std::int64_t time = 1; time <= 6; time += 2) {
        const auto changes = bench.reader->changes_after(seen, 2).value();
        REQUIRE(changes.size() == 2);
        for (const auto& change : changes) seen[change.stream] = change.number;
        CHECK(changes[0].changed_us == time);
        CHECK(changes[1].changed_us == time + 1);
    }
    CHECK(bench.reader->changes_after(seen, 2).value().empty());
}

TEST_CASE("a stream that another writer took is noticed before anything is committed", "[store]") {
    Bench bench;
    const auto number = bench.found(kId);
    const lb::store::Change change = {.process = number, .new_state = "Running"};
    REQUIRE(bench.writer->begin().ok());
    REQUIRE(bench.writer->add_changes(std::span(&change, 1)).ok());
    REQUIRE(bench.writer->commit().ok());
    const auto twin = bench.open("server-one");
    const auto other = twin->open_writer(0).value();
    REQUIRE(other->begin().ok());
    REQUIRE(other->add_changes(std::span(&change, 1)).ok());
    REQUIRE(other->commit().ok());
    REQUIRE(bench.writer->begin().ok());
    const auto late = bench.writer->add_changes(std::span(&change, 1));
    REQUIRE_FALSE(late.ok());
    CHECK(late.error().code == ErrorCode::kConflict);
}

TEST_CASE("the newest heartbeat of a reporter stays, whatever comes first", "[store]") {
    Bench bench;
    const auto number = bench.found(kId);
    const std::vector<lb::store::Heartbeat> beats = {{number, "VMSystem/vm1", 100, 101, 5},
                                                     {number, "VMSystem/vm1", 300, 301, 7},
                                                     {number, "VMSystem/vm1", 200, 302, 6},
                                                     {number, "VMManager/node1", 50, 51, 0}};
    REQUIRE(bench.writer->begin().ok());
    REQUIRE(bench.writer->put_heartbeats(beats).ok());
    REQUIRE(bench.writer->commit().ok());
    const auto found = bench.reader->heartbeats_of(number).value();
    REQUIRE(found.size() == 2);
    CHECK(found[0].reporter == "VMManager/node1");
    CHECK(found[1].time_us == 300);
    CHECK(found[1].arrived_us == 301);
    CHECK(found[1].uptime_s == 7);
}

TEST_CASE("processes with signs of life of an older server are marked, once", "[store]") {
    Bench bench;
    const auto heard = bench.found(kId);
    const auto silent = bench.found(kId + "-silent");
    const std::vector<lb::store::Heartbeat> beats = {{heard, "VMSystem/vm1", 100, 101, 5},
                                                     {heard, "VMManager/node1", 50, 51, 0}};
    REQUIRE(bench.writer->begin().ok());
    REQUIRE(bench.writer->put_heartbeats(beats).ok());
    REQUIRE(bench.writer->commit().ok());
    lb::store::mariadb::Connection connection(bench.dsn);
    REQUIRE(connection.use().ok());
    for (int i = 0; i < 2; ++i) {
        REQUIRE(connection.run("UPDATE meta SET value = '7' WHERE name = 'schema'").ok());
        REQUIRE(bench.open("upgraded") != nullptr);
        const auto marked = bench.reader->get_process(heard).value().value();
        CHECK(marked.has_heartbeats);
        CHECK(marked.revision == 2);
        const auto unmarked = bench.reader->get_process(silent).value().value();
        CHECK_FALSE(unmarked.has_heartbeats);
        CHECK(unmarked.revision == 1);
    }
}

TEST_CASE("signs of life move with the name that they came under", "[store]") {
    Bench bench;
    const auto from = bench.found(kId);
    const auto into = bench.found(kId + "-other");
    const std::vector<lb::store::Heartbeat> beats = {{from, "VMSystem/vm1", 300, 301, 7},
                                                     {from, "VMManager/node1", 50, 51, 0},
                                                     {from, "VMSystem/old", 10, 11, 1},
                                                     {into, "VMSystem/vm1", 100, 101, 5},
                                                     {into, "VMManager/node1", 60, 61, 0}};
    REQUIRE(bench.writer->begin().ok());
    REQUIRE(bench.writer->put_heartbeats(beats).ok());
    REQUIRE(bench.writer->move_subjects(from, into).ok());
    REQUIRE(bench.writer->commit().ok());
    CHECK(bench.reader->heartbeats_of(from).value().empty());
    std::map<std::string, std::int64_t> arrived_us;
    const auto moved = bench.reader->heartbeats_of(into).value();
    for (const auto& beat : moved) arrived_us[beat.reporter] = beat.arrived_us;
    CHECK(arrived_us == std::map<std::string, std::int64_t>{
                            {"VMManager/node1", 61}, {"VMSystem/old", 11}, {"VMSystem/vm1", 301}});
}

TEST_CASE("a sign of life of a process that is a name of another one comes too late", "[store]") {
    Bench bench;
    const auto into = bench.found(kId);
    lb::store::Process merged;
    merged.merged_into = into;
    const auto from = bench.found(kId + "-other", merged);
    const lb::store::Heartbeat beats[] = {{into, "VMSystem/vm1", 100, 101, 5},
                                          {from, "VMSystem/vm1", 300, 301, 7}};
    REQUIRE(bench.writer->begin().ok());
    CHECK(bench.writer->put_heartbeats(beats).error().code == ErrorCode::kConflict);
    bench.writer->rollback();
    REQUIRE(bench.writer->begin().ok());
    CHECK(bench.writer->put_heartbeats(std::span(beats).first(1)).ok());
    REQUIRE(bench.writer->commit().ok());
}

TEST_CASE("a process is found together with its signs of life", "[store]") {
    Bench bench;
    CHECK_FALSE(bench.reader->find_sighted_process(kId).value());
    lb::store::Process machine;
    machine.type = 11;
    machine.host = "node1.example.org";
    machine.registers = "registers";
    const auto number = bench.found(kId, machine);
    const auto bare = bench.reader->find_sighted_process(kId).value();
    REQUIRE(bare);
    CHECK(bare->process.number == number);
    CHECK(bare->process.registers == machine.registers);
    CHECK(bare->heartbeats.empty());
    CHECK(bench.reader->look_at(bare->process).value()->heartbeats.empty());
    Process nobody = bare->process;
    nobody.number += 1000;
    CHECK_FALSE(bench.reader->look_at(nobody).value());
    Process heard = bare->process;
    heard.has_heartbeats = true;
    CHECK(bench.reader->look_at(heard).value()->heartbeats.empty());
    ++heard.revision;
    const std::vector<lb::store::Heartbeat> beats = {{number, "VMSystem/vm1", 100, 101, 5},
                                                     {number, "VMManager/node1", 50, 51, 0}};
    const std::vector<lb::store::Logger> loggers = {{machine.host, 70, 1, 2, 3},
                                                    {"elsewhere", 80, 0, 0, 0}};
    REQUIRE(bench.writer->begin().ok());
    REQUIRE(bench.writer->save_processes(std::span(&heard, 1)).ok());
    REQUIRE(bench.writer->put_heartbeats(beats).ok());
    REQUIRE(bench.writer->put_loggers(loggers).ok());
    REQUIRE(bench.writer->commit().ok());
    const auto sighted = bench.reader->find_sighted_process(kId).value();
    REQUIRE(sighted);
    CHECK(sighted->process.number == number);
    REQUIRE(sighted->heartbeats.size() == 2);
    CHECK(sighted->heartbeats[0].reporter == "VMManager/node1");
    CHECK(sighted->heartbeats[0].process == number);
    CHECK(sighted->heartbeats[1].time_us == 100);
    const auto look = bench.reader->look_at(sighted->process).value();
    REQUIRE(look);
    CHECK(look->revision == sighted->process.revision);
    REQUIRE(look->heartbeats.size() == 2);
    CHECK(look->heartbeats[0].reporter == "VMManager/node1");
    CHECK(look->heartbeats[0].process == number);
    CHECK(look->heartbeats[1].uptime_s == 5);
    const std::vector<std::string> hosts = {"never heard of", "elsewhere", machine.host};
    const auto known = bench.reader->loggers_of(hosts).value();
    REQUIRE(known.size() == 2);
    CHECK(known[0].host == "elsewhere");
    CHECK(known[1].seen_us == 70);
}

TEST_CASE("processes are fetched by number, those that there are", "[store]") {
    Bench bench;
    const auto number = bench.found(kId);
    const std::vector<lb::store::ProcessNumber> numbers = {number, number + 1000};
    const auto found = bench.reader->get_processes(numbers, false).value();
    REQUIRE(found.size() == 1);
    CHECK(found[0].id == kId);
    CHECK(found[0].registers.empty());
    CHECK(bench.reader->get_processes({}, false).value().empty());
}

TEST_CASE("dead letters are listed, counted once for the same bytes, and dropped", "[store]") {
    Bench bench;
    lb::store::DeadLetter letter;
    letter.arrived_us = kNoon;
    letter.verdict = lb::v1::VERDICT_DENIED;
    letter.reason = std::string(5000, 'r');
    letter.envelope = std::string("\0\1\2 anything", 12);
    for (int i = 0; i < 2; ++i) {
        REQUIRE(bench.writer->begin().ok());
        REQUIRE(bench.writer->add_dead_letters(std::span(&letter, 1)).ok());
        REQUIRE(bench.writer->commit().ok());
    }
    const auto letters = bench.reader->list_dead_letters(0, 10).value();
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].times == 2);
    CHECK(letters[0].reason.size() == 1024);
    CHECK(letters[0].envelope.empty());
    const auto number = letters[0].number;
    CHECK(bench.reader->get_dead_letter(number).value()->envelope == letter.envelope);
    REQUIRE(bench.writer->begin().ok());
    REQUIRE(bench.writer->mark_replayed(number, kNoon).ok());
    REQUIRE(bench.writer->commit().ok());
    CHECK(bench.reader->get_dead_letter(number).value()->replayed_us == kNoon);
    REQUIRE(bench.writer->begin().ok());
    REQUIRE(bench.writer->drop_dead_letter(number).ok());
    REQUIRE(bench.writer->commit().ok());
    CHECK_FALSE(bench.reader->get_dead_letter(number).value());
}

TEST_CASE("a large batch of large events goes through in portions", "[store]") {
    Bench bench;
    const auto number = bench.found(kId);
    const Subject subject = {number, kId, number};
    std::vector<Event> events;
    for (int i = 0; i < 40; ++i) {
        events.push_back(bench.event(subject, kNoon + i, std::to_string(i)));
        events.back().envelope.append("\xf2\x07\x80\x80\x40", 5);  // field 126, 1 MiB of bytes
        events.back().envelope.append(1024 * 1024, static_cast<char>('a' + i % 26));
    }
    REQUIRE(bench.writer->begin().ok());
    REQUIRE(bench.writer->add_events(events).ok());
    REQUIRE(bench.writer->commit().ok());
    CHECK(bench.reader->read_history(number, "", 100).value().events.size() == 40);
}

namespace {

// Whether a file there can have holes, as compressed pages leave them.
bool can_have_holes(const std::string& directory) {
    const std::string path = directory + "/holes";
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const std::string bytes(65'536, 'x');
    const bool is_written =
        ::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
    const bool can =
        is_written && ::fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 32'768) == 0;
    ::close(file);
    std::filesystem::remove(path);
    return can;
}

// Until every page that was changed is written to its file.
void write_pages(lb::store::mariadb::Connection& connection) {
    for (const char* const limit : {"innodb_max_dirty_pages_pct", "innodb_max_dirty_pages_pct_lwm"})
        REQUIRE(connection.run("SET GLOBAL " + std::string(limit) + " = 0").ok());
    const auto changed = [&] {
        return std::string(connection
                               .query("SELECT variable_value FROM information_schema.global_status "
                                      "WHERE variable_name = 'Innodb_buffer_pool_pages_dirty'",
                                      {})
                               .value()
                               .bytes(0, 0));
    };
    for (int i = 0; i < 600 && changed() != "0"; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    REQUIRE(changed() == "0");
}

}  // namespace

TEST_CASE("what grows takes less of the disk than its pages", "[store]") {
    const std::string directory = lb::test::make_short_directory();
    const auto server =
        lb::store::mariadb::PrivateServer::start(lb::test::small_server_options(directory));
    REQUIRE(server.ok());
    Bench bench((*server)->dsn("lb"));
    const auto number = bench.found(kId);
    std::vector<Event> events;
    for (int i = 0; i < 5000; ++i)
        events.push_back(bench.event({number, kId, number}, kNoon + i, std::to_string(i)));
    REQUIRE(bench.writer->begin().ok());
    REQUIRE(bench.writer->add_events(events).ok());
    REQUIRE(bench.writer->commit().ok());
    lb::store::mariadb::Connection connection(bench.dsn);
    REQUIRE(connection.use().ok());
    const auto compressed =
        connection
            .query(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = "
                "DATABASE() AND create_options LIKE '%PAGE_COMPRESSED%' ORDER BY table_name",
                {})
            .value();
    std::vector<std::string> tables;
    for (std::size_t row = 0; row < compressed.count(); ++row)
        tables.emplace_back(compressed.bytes(row, 0));
    CHECK(tables == std::vector<std::string>{"change", "event", "process", "subject"});
    write_pages(connection);
    const auto size = connection
                          .query(
                              "SELECT file_size, allocated_size FROM "
                              "information_schema.innodb_sys_tablespaces WHERE name = 'lb/event'",
                              {})
                          .value();
    if (can_have_holes(directory))
        CHECK(size.number(0, 1) < size.number(0, 0) * 3 / 4);
    else
        WARN("skipped: the file system leaves no holes");
    (*server)->stop();
    std::filesystem::remove_all(directory);
}

TEST_CASE("a value that no column takes is refused as data, not as a failure", "[store]") {
    Bench bench;
    REQUIRE(bench.writer->begin().ok());
    const auto number = bench.writer->take_subject_numbers(1).value();
    const Subject subject = {number, kId + std::string(300, 'x'), number};
    const auto added = bench.writer->add_subjects(std::span(&subject, 1));
    REQUIRE_FALSE(added.ok());
    CHECK(added.error().code == ErrorCode::kReject);
}

TEST_CASE("readers outlive the server that was killed while they were idle") {
    using lb::store::Reader;
    Bench bench;
    const auto number = bench.found("https://lb.example.org:9000/outlives");
    using Read = std::function<lb::Status(Reader&)>;
    const auto status_of = [](const auto& read) {
        return read.ok() ? lb::Status() : lb::Status(read.error());
    };
    const std::vector<Read> reads = {
        [&](Reader& reader) { return status_of(reader.subjects_of(number)); },
        [&](Reader& reader) { return status_of(reader.read_history(number, "", 10)); },
        [&](Reader& reader) {
            return status_of(reader.loggers_of(std::vector{std::string("n1")}));
        },
        [&](Reader& reader) { return status_of(reader.search_processes({.limit = 10})); },
        [&](Reader& reader) { return reader.ping(); },
    };
    std::vector<std::unique_ptr<MariadbDatabase>> databases;  // each has a dictionary of its own
    std::vector<std::unique_ptr<Reader>> readers;
    for (std::size_t i = 0; i < reads.size(); ++i) {
        databases.push_back(bench.open("server-" + std::to_string(i)));
        readers.push_back(databases.back()->open_reader().value());
        REQUIRE(reads[i](*readers.back()).ok());
    }
    lb::test::PrivateMariadb::shared().kill();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!lb::store::mariadb::Connection(bench.dsn).use().ok()) {
        REQUIRE(std::chrono::steady_clock::now() < end);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    for (std::size_t i = 0; i < reads.size(); ++i) {
        INFO(i);
        const lb::Status status = reads[i](*readers[i]);
        INFO((status.ok() ? "" : status.error().text));
        CHECK(status.ok());
    }
}

TEST_CASE("a database has one secret, for all its servers and after each start", "[store]") {
    Bench bench;
    const std::string secret = bench.reader->secret().value();
    CHECK(secret.size() == 32);
    CHECK(secret != std::string(32, '\0'));
    CHECK(bench.open("server-two")->open_reader().value()->secret().value() == secret);
}

TEST_CASE("children and news are kept by parent, and move with it", "[store]") {
    Bench bench;
    const auto parent = bench.found(kId);
    const auto other = bench.found(kId + "2");
    const auto one = bench.found(kId + "-one");
    const auto two = bench.found(kId + "-two");
    const lb::store::Relation relations[] = {
        {.parent = parent, .child = one, .registration = 7, .state = 1},
        {.parent = parent, .child = two, .since_us = -5, .state = 5, .steps = "steps"}};
    REQUIRE(bench.writer->begin().ok());
    REQUIRE(bench.writer->put_relations(relations).ok());
    // What is not said of the registration stays.
    const lb::store::Relation again = {
        .parent = parent, .child = one, .state = 6, .is_parent = true, .steps = "more"};
    REQUIRE(bench.writer->put_relations(std::span(&again, 1)).ok());
    const lb::store::News news[] = {{.parent = parent}, {.parent = parent, .level = 2}};
    REQUIRE(bench.writer->add_news(news).ok());
    REQUIRE(bench.writer->commit().ok());
    auto children = bench.reader->children_of(parent).value();
    REQUIRE(children.size() == 2);
    CHECK(children[0].registration == 7);
    CHECK(children[0].state == 6);
    CHECK(children[0].is_parent);
    CHECK(children[0].steps == "more");
    CHECK(children[1].since_us == -5);
    CHECK_FALSE(children[1].is_parent);
    const lb::store::ProcessNumber numbers[] = {two, one};
    CHECK(bench.reader->ids_of(numbers).value() ==
          std::vector<std::string>{kId + "-two", kId + "-one"});
    REQUIRE(bench.writer->begin().ok());
    CHECK(bench.writer->parents_of(one).value().at(0).parent == parent);
    REQUIRE(bench.writer->move_subjects(parent, other).ok());
    const auto moved = bench.writer->read_news(10).value();
    REQUIRE(moved.size() == 2);
    CHECK(moved[1].parent == other);
    CHECK(moved[1].level == 2);
    REQUIRE(bench.writer->drop_news(std::span(moved).first(1)).ok());
    REQUIRE(bench.writer->commit().ok());
    CHECK(bench.reader->read_news(10).value().size() == 1);
    CHECK(bench.reader->children_of(parent).value().empty());
    children = bench.reader->children_of(other).value();
    REQUIRE(children.size() == 2);
    CHECK(children[0].registration == 7);
    REQUIRE(bench.writer->begin().ok());
    REQUIRE(bench.writer->drop_relations(std::span(children).first(1)).ok());
    REQUIRE(bench.writer->commit().ok());
    CHECK(bench.reader->children_of(other).value().size() == 1);
}

TEST_CASE("what is committed outside of a transaction is told as not committed", "[store]") {
    Bench bench;
    bench.found(kId);
    CHECK(bench.writer->commit().error().code == ErrorCode::kRetry);
    bench.found(kId + "2");
    CHECK(bench.reader->find_process(kId + "2").value());
}

TEST_CASE("a statement keeps nothing of what it has found", "[store]") {
    Bench bench;
    lb::store::mariadb::Connection connection(bench.dsn);
    REQUIRE(connection.use().ok());
    const auto rows_found = [&](std::uint64_t rows) {
        const auto found = connection.query(
            "SELECT REPEAT('x', 1000) FROM seq_1_to_4000 WHERE seq <= ?", std::vector<Value>{rows});
        REQUIRE(found.ok());
        return found->count();
    };
    CHECK(rows_found(1) == 1);
    const std::size_t before = lb::test::used_bytes();
    REQUIRE(before > 0);
    CHECK(rows_found(4000) == 4000);
    CHECK(lb::test::used_bytes() < before + 100'000);
}

namespace {

// How many statements a new connection needs for three rows.
int statements_for_three_rows(const lb::store::mariadb::Dsn& dsn) {
    lb::store::mariadb::Connection connection(dsn);
    REQUIRE(connection.use().ok());
    REQUIRE(
        connection
            .run("CREATE TABLE three_rows (number BIGINT UNSIGNED NOT NULL, time BIGINT NOT NULL, "
                 "content VARBINARY(10) NOT NULL) ENGINE=InnoDB")
            .ok());
    const auto executed = [&] {
        const auto found =
            connection.query("SHOW SESSION STATUS LIKE 'Com_stmt_execute'", {}).value();
        return std::stoi(std::string(found.bytes(0, 1)));
    };
    lb::store::mariadb::Rows rows(3);
    rows.add(UINT64_MAX).add_signed(-1).add("one");
    rows.add(std::uint64_t{2}).add_signed(-2).keep("");
    rows.add(std::uint64_t{3}).add_signed(INT64_MIN).keep(std::string("3\0\xff", 3));
    const int before = executed();
    CHECK(connection.execute("INSERT INTO three_rows VALUES (?, ?, ?)", rows).value() == 3);
    const int statements = executed() - before - 1;
    const auto found = connection.query("SELECT * FROM three_rows ORDER BY time DESC", {}).value();
    CHECK(found.count() == 3);
    CHECK(found.number(0, 0) == UINT64_MAX);
    CHECK(found.signed_number(0, 1) == -1);
    CHECK(found.bytes(1, 2).empty());
    CHECK(found.signed_number(2, 1) == INT64_MIN);
    CHECK(found.bytes(2, 2) == std::string_view("3\0\xff", 3));
    return statements;
}

}  // namespace

// There a conflict with another node may undo the first rows of an array without a word.
TEST_CASE("rows are written by one statement, on a node of a cluster by one each", "[store]") {
    const Bench bench;
    CHECK(statements_for_three_rows(bench.dsn) == 1);
    const std::string directory = lb::test::make_short_directory();
    auto options = lb::test::small_server_options(directory);
    options.mariadbd = directory + "/node";
    std::ofstream(options.mariadbd)
        << "#!/bin/sh\nPATH=$PATH:/usr/sbin:/usr/local/sbin\n"
           "exec mariadbd \"$@\" --wsrep-on=ON --wsrep-provider=none --binlog-format=ROW\n";
    std::filesystem::permissions(options.mariadbd, std::filesystem::perms::owner_all);
    const auto node = lb::store::mariadb::PrivateServer::start(options);
    REQUIRE(node.ok());
    const auto created = MariadbDatabase::open({(*node)->dsn("lb"), "node", "lb.example.org:9000"});
    REQUIRE(created.ok());
    CHECK(statements_for_three_rows((*node)->dsn("lb")) == 3);
    (*node)->stop();
    std::filesystem::remove_all(directory);
}
