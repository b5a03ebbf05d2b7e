#include "tests/bench/query_copies.h"

#include <algorithm>
#include <cstdio>
#include <span>

namespace lb::bench {

namespace {

using store::mariadb::Connection;
using store::mariadb::Value;

// How far numbers of one copy lie from those of the next.
struct Stride {
    std::uint64_t subject = 0;
    std::uint64_t arrival = 0;
    std::uint64_t change = 0;
};

enum class Shift { kSubject, kArrival, kChange, kTime, kCopy };

// A column in which a copy differs from its original; `?` is bound to the shift.
struct ShiftedColumn {
    std::string_view name;
    std::string_view copied;
    Shift shift;
};

struct Table {
    std::string name;
    std::vector<ShiftedColumn> shifted;  // all others are copied as they are
};

// In the order of their rows: the last one is set aside, and dropped, last.
const std::vector<Table> kTables = {
    {"subject",
     {{"number", "number + ?", Shift::kSubject},
      {"name", "CONCAT(name, '-', ?)", Shift::kCopy},
      {"process", "process + ?", Shift::kSubject}}},
    {"process",
     {{"number", "number + ?", Shift::kSubject},
      {"entered_us", "entered_us + ?", Shift::kTime},
      {"updated_us", "updated_us + ?", Shift::kTime}}},
    {"event",
     {{"arrival", "arrival + ?", Shift::kArrival},
      {"subject", "subject + ?", Shift::kSubject},
      {"event_id", "UNHEX(MD5(CONCAT(event_id, ?)))", Shift::kCopy},
      {"order_prefix",
       "CONCAT(LEFT(order_prefix, LENGTH(order_prefix) - 8), "
       "UNHEX(LPAD(HEX(CAST(time_us + ? AS UNSIGNED) ^ 0x8000000000000000), 16, '0')))",
       Shift::kTime},
      {"arrived_us", "arrived_us + ?", Shift::kTime},
      {"time_us", "time_us + ?", Shift::kTime}}},
    {"change",
     {{"number", "number + ?", Shift::kChange},
      {"process", "process + ?", Shift::kSubject},
      {"arrival", "arrival + ?", Shift::kArrival},
      {"changed_us", "changed_us + ?", Shift::kTime}}},
    {"due", {{"process", "process + ?", Shift::kSubject}}},
};

// Beside the table: a table that is read and written by one statement is copied for each. It has
// the keys, too, that the table is to have again.
std::string original_of(const Table& table) {
    return "original_" + table.name;
}

std::string quoted_name(const Table& table) {
    return "`" + table.name + "`";
}

std::uint64_t shift_of(Shift shift, const Stride& stride, std::uint64_t copy) {
    constexpr std::uint64_t kBetweenCopiesUs = 10'000;
    switch (shift) {
        case Shift::kSubject:
            return stride.subject * copy;
        case Shift::kArrival:
            return stride.arrival * copy;
        case Shift::kChange:
            return stride.change * copy;
        case Shift::kTime:
            return kBetweenCopiesUs * copy;
        case Shift::kCopy:
            return copy;
    }
    return 0;
}

std::uint64_t number(Connection& connection, const std::string& sql) {
    return must(connection.query(sql, {})).number(0, 0);
}

void execute(Connection& connection, const std::string& sql,
             const std::vector<std::uint64_t>& numbers = {}) {
    const std::vector<Value> values(numbers.begin(), numbers.end());
    must(connection.execute(sql, values));
}

// The first column of what a question about a table found.
store::mariadb::Found about(Connection& connection, const std::string& sql,
                            const std::string& table) {
    const Value value = std::string_view(table);
    return must(connection.query(sql, std::span(&value, 1)));
}

void set_originals_aside(Connection& connection) {
    for (const Table& table : kTables) {
        const std::string original = original_of(table);
        execute(connection, "DROP TABLE IF EXISTS " + original);
        execute(connection, "CREATE TABLE " + original + " LIKE " + quoted_name(table));
        execute(connection, "INSERT INTO " + original + " SELECT * FROM " + quoted_name(table));
    }
}

constexpr char kKeysOfTable[] =
    "SELECT index_name, IF(MIN(non_unique) = 0, 'UNIQUE KEY', 'KEY'), "
    "GROUP_CONCAT(column_name ORDER BY seq_in_index) FROM information_schema.statistics "
    "WHERE table_schema = DATABASE() AND table_name = ? AND index_name <> 'PRIMARY' "
    "GROUP BY index_name";

// Rows come in the order of the primary key; the other keys would be met all over.
void drop_keys(Connection& connection, const Table& table) {
    const auto keys = about(connection, kKeysOfTable, original_of(table));
    std::string sql;
    for (std::size_t row = 0; row < keys.count(); ++row)
        sql += std::string(row == 0 ? " " : ", ") + "DROP KEY IF EXISTS " +
               std::string(keys.bytes(row, 0));
    if (!sql.empty()) execute(connection, "ALTER TABLE " + quoted_name(table) + sql);
}

void build_keys(Connection& connection, const Table& table) {
    const auto keys = about(connection, kKeysOfTable, original_of(table));
    for (std::size_t row = 0; row < keys.count(); ++row) {
        const std::string name(keys.bytes(row, 0));
        std::fprintf(stderr, "key %s of %s\n", name.c_str(), table.name.c_str());
        execute(connection, "ALTER TABLE " + quoted_name(table) + " ADD " +
                                std::string(keys.bytes(row, 1)) + " IF NOT EXISTS " + name + " (" +
                                std::string(keys.bytes(row, 2)) + ")");
    }
}

// What adds one copy, and the shifts that are bound to it.
struct Copying {
    std::string sql;
    std::vector<Shift> shifts;
};

Copying copying_of(Connection& connection, const Table& table) {
    const auto columns = about(connection,
                               "SELECT column_name FROM information_schema.columns WHERE "
                               "table_schema = DATABASE() AND table_name = ? "
                               "ORDER BY ordinal_position",
                               table.name);
    Copying copying;
    std::string names, copied;
    for (std::size_t row = 0; row < columns.count(); ++row) {
        const std::string name(columns.bytes(row, 0));
        const auto shifted = std::find_if(table.shifted.begin(), table.shifted.end(),
                                          [&](const auto& one) { return one.name == name; });
        const bool is_shifted = shifted != table.shifted.end();
        const std::string_view comma = row == 0 ? "" : ", ";
        names.append(comma).append(name);
        copied.append(comma).append(is_shifted ? shifted->copied : name);
        if (is_shifted) copying.shifts.push_back(shifted->shift);
    }
    copying.sql = "INSERT INTO " + quoted_name(table) + " (" + names + ") SELECT " + copied +
                  " FROM " + original_of(table);
    return copying;
}

// The copies that are there are whole: each is one transaction.
int count_copies(Connection& connection, const Stride& stride) {
    const std::uint64_t last = number(connection, "SELECT MAX(number) FROM subject");
    return static_cast<int>(last / stride.subject);
}

void add_copies(Connection& connection, const Size& size, const Stride& stride) {
    std::vector<Copying> all;
    for (const Table& table : kTables) all.push_back(copying_of(connection, table));
    for (int copy = count_copies(connection, stride); copy < size.copies; ++copy) {
        must(connection.run("START TRANSACTION"));
        for (const Copying& copying : all) {
            std::vector<std::uint64_t> shifts;
            for (const Shift shift : copying.shifts)
                shifts.push_back(shift_of(shift, stride, static_cast<std::uint64_t>(copy)));
            execute(connection, copying.sql, shifts);
        }
        must(connection.run("COMMIT"));
        std::fprintf(stderr, "\r%d of %d copies", copy + 1, size.copies);
    }
    std::fprintf(stderr, "\n");
}

// Of what comes after the copies.
void set_next_numbers(Connection& connection, const Size& size, const Stride& stride) {
    const auto copies = static_cast<std::uint64_t>(size.copies);
    execute(connection, "UPDATE sequence SET next = ? WHERE name = 'subject'",
            {stride.subject * copies + 1});
    execute(connection, "UPDATE sequence SET next = ? WHERE name = 'arrival'",
            {stride.arrival * copies + 1});
    execute(connection, "UPDATE stream SET next = ? WHERE next > 1", {stride.change * copies + 1});
}

}  // namespace

void multiply(Connection& connection, const Size& size) {
    if (!is_half_multiplied(connection)) set_originals_aside(connection);
    const Stride stride = {number(connection, "SELECT MAX(number) FROM original_subject"),
                           number(connection, "SELECT MAX(arrival) FROM original_event"),
                           number(connection, "SELECT MAX(number) FROM original_change")};
    for (const Table& table : kTables) drop_keys(connection, table);
    add_copies(connection, size, stride);
    for (const Table& table : kTables) build_keys(connection, table);
    set_next_numbers(connection, size, stride);
    for (const Table& table : kTables) {
        execute(connection, "DROP TABLE " + original_of(table));
        must(connection.query("ANALYZE TABLE " + quoted_name(table), {}));
    }
}

bool is_half_multiplied(Connection& connection) {
    return number(connection,
                  "SELECT COUNT(*) FROM information_schema.tables WHERE "
                  "table_schema = DATABASE() AND table_name = 'original_due'") != 0;
}

}  // namespace lb::bench
