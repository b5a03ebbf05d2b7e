#include "tests/bench/query_lives.h"

#include <atomic>
#include <chrono>
#include <cstdio>

#include "common/base/encoding.h"
#include "common/event/event_id.h"
#include "tests/support/event_builder.h"

namespace lb::bench {

namespace {

using event::EventType;
using store::mariadb::Connection;
using store::mariadb::Value;

constexpr std::size_t kBatch = 1000;

EventType type_of(const Size& size, int process, int round) {
    if (round == 0) return EventType::kRegJob;
    if (round == 1) return EventType::kVMBoot;
    // Two of three machines run on.
    if (round == size.events - 1 && process % 3 == 0) return EventType::kVMStop;
    return round % 2 == 0 || round == size.events - 1 ? EventType::kVMRunning
                                                      : EventType::kVMSuspend;
}

std::uint64_t next_counter() {
    static std::atomic<std::uint64_t> counter = 0;
    return ++counter;
}

std::string fresh_name() {
    static const std::string run = to_hex(event::new_event_id());
    static std::atomic<int> number = 0;
    return run + std::to_string(number++);
}

std::uint64_t number(Connection& connection, const std::string& sql) {
    return must(connection.query(sql, {})).number(0, 0);
}

// How far numbers of one copy lie from those of the next.
struct Stride {
    std::uint64_t subject = 0;
    std::uint64_t arrival = 0;
    std::uint64_t change = 0;
};

// The rows of the processes that went through the book, and the text that adds one copy of them.
struct Table {
    const char* name;
    const char* copied;  // columns; ?: numbers of the copy, in the order of `shifts`
    std::vector<std::uint64_t> shifts;
};

std::vector<Table> tables_of(const Stride& stride, std::uint64_t copy) {
    constexpr std::uint64_t kBetweenCopiesUs = 10'000;
    const std::uint64_t subject = stride.subject * copy;
    const std::uint64_t arrival = stride.arrival * copy;
    const std::uint64_t time = kBetweenCopiesUs * copy;
    return {
        {"subject",
         "number + ?, scope, CONCAT(name, '-', ?), process + ?",
         {subject, copy, subject}},
        {"process",
         "number + ?, merged_into, revision, type, flags, rules_version, waiting, registrant, "
         "state, vm_state, owner, host, entered_us + ?, updated_us + ?, registers_format, "
         "registers",
         {subject, time, time}},
        {"event",
         "arrival + ?, subject + ?, UNHEX(MD5(CONCAT(event_id, ?))), "
         "CONCAT(LEFT(order_prefix, LENGTH(order_prefix) - 8), "
         "UNHEX(LPAD(HEX(CAST(time_us + ? AS UNSIGNED) ^ 0x8000000000000000), 16, '0'))), "
         "type, verdict, forwarder, stamp, arrived_us + ?, body_format, body, time_us + ?",
         {arrival, subject, copy, time, time, time}},
        {"`change`",
         "stream, number + ?, process + ?, revision, old_state, new_state, old_vm_state, "
         "new_vm_state, arrival + ?, changed_us + ?, old_concerns, new_concerns",
         {stride.change * copy, subject, arrival, time}},
        {"due", "process + ?, kind, at_us", {subject}},
    };
}

// Beside the table: a table that is read and written by one statement is copied for each.
std::string original_of(const Table& table) {
    return "original_" + std::string(table.name[0] == '`' ? "change" : table.name);
}

void execute(Connection& connection, const std::string& sql,
             const std::vector<std::uint64_t>& numbers = {}) {
    const std::vector<Value> values(numbers.begin(), numbers.end());
    must(connection.execute(sql, values));
}

void set_originals_aside(Connection& connection) {
    for (const Table& table : tables_of({}, 0)) {
        execute(connection, "DROP TABLE IF EXISTS " + original_of(table));
        execute(connection, "CREATE TABLE " + original_of(table) + " AS SELECT * FROM " +
                                std::string(table.name));
    }
}

// The copies that are there are whole: each is one transaction.
int count_copies(Connection& connection, const Stride& stride) {
    const std::uint64_t last = number(connection, "SELECT MAX(number) FROM subject");
    return static_cast<int>(last / stride.subject);
}

}  // namespace

std::string id_of(const std::string& process) {
    return "https://" + std::string(kService) + "/" + process;
}

std::string name_of(int process, int copy) {
    std::string name = "process" + std::to_string(process);
    if (copy > 0) name += "-" + std::to_string(copy);
    return name;
}

book::Arrived event_of(const Size& size, int process, int round, const std::string& name) {
    test::EventBuilder built(type_of(size, process, round),
                             round == 0 ? event::Source::kUserInterface : event::Source::kVmManager,
                             id_of(name));
    built.at(round * size.round_s() + process * 0.01 * size.copies).counter(next_counter());
    built.uid(static_cast<std::uint32_t>(1000 + process % size.owners()));
    if (round == 0)
        built.field("jobtype", "VIRTUAL_MACHINE").field("jdl", std::string(200, 'p'));
    else
        built.field("hostname", "n" + std::to_string(process % size.hosts()) + ".example.org");
    return built.arrived();
}

std::vector<book::Arrived> fresh_lives(const Size& size, int count) {
    std::vector<std::string> names;
    for (int i = 0; i < count; ++i) names.push_back(fresh_name());
    std::vector<book::Arrived> lives;
    for (int round = 0; round < size.events; ++round)
        for (int i = 0; i < count; ++i)
            lives.push_back(event_of(size, i, round, names[static_cast<std::size_t>(i)]));
    return lives;
}

book::Arrived fresh_registration(const Size& size) {
    return event_of(size, 0, 0, fresh_name());
}

double fill(store::Database& database, const authz::Policy& policy, const Size& size) {
    const auto book = must(book::Book::open(database, policy, {.service = kService}));
    const auto begin = std::chrono::steady_clock::now();
    std::vector<book::Arrived> batch;
    for (int round = 0; round < size.events; ++round)
        for (int process = 0; process < size.processes; ++process) {
            batch.push_back(event_of(size, process, round, name_of(process, 0)));
            if (batch.size() < kBatch) continue;
            must(book->settle(batch));
            batch.clear();
        }
    if (!batch.empty()) must(book->settle(batch));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    return static_cast<double>(size.processes) * size.events / took.count();
}

void multiply(Connection& connection, const Size& size) {
    must(connection.run("SET SESSION unique_checks = 0"));
    if (!is_half_multiplied(connection)) set_originals_aside(connection);
    const Stride stride = {number(connection, "SELECT MAX(number) FROM original_subject"),
                           number(connection, "SELECT MAX(arrival) FROM original_event"),
                           number(connection, "SELECT MAX(number) FROM original_change")};
    for (int copy = count_copies(connection, stride); copy < size.copies; ++copy) {
        must(connection.run("START TRANSACTION"));
        for (const Table& table : tables_of(stride, static_cast<std::uint64_t>(copy)))
            execute(connection,
                    "INSERT INTO " + std::string(table.name) + " SELECT " + table.copied +
                        " FROM " + original_of(table),
                    table.shifts);
        must(connection.run("COMMIT"));
        std::fprintf(stderr, "\r%d of %d copies", copy + 1, size.copies);
    }
    const auto copies = static_cast<std::uint64_t>(size.copies);
    execute(connection, "UPDATE sequence SET next = ? WHERE name = 'subject'",
            {stride.subject * copies + 1});
    execute(connection, "UPDATE sequence SET next = ? WHERE name = 'arrival'",
            {stride.arrival * copies + 1});
    execute(connection, "UPDATE stream SET next = ? WHERE next > 1", {stride.change * copies + 1});
    for (const Table& table : tables_of(stride, 0)) {
        execute(connection, "DROP TABLE " + original_of(table));
        must(connection.query("ANALYZE TABLE " + std::string(table.name), {}));
    }
    std::fprintf(stderr, "\n");
}

bool is_half_multiplied(Connection& connection) {
    // The last that is set aside, and the last that is dropped.
    return number(connection,
                  "SELECT COUNT(*) FROM information_schema.tables WHERE "
                  "table_schema = DATABASE() AND table_name = 'original_due'") != 0;
}

}  // namespace lb::bench
