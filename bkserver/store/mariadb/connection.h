// One connection to MariaDB with its prepared statements: the only place that speaks Connector/C.
// After an error of class kRetry that broke the line, the next use() connects anew and prepares
// anew.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "bkserver/store/mariadb/dsn.h"
#include "common/base/result.h"

struct st_mysql;
struct st_mysql_stmt;

namespace lb::store::mariadb {

// A parameter; bytes stay with the caller until the statement is done.
using Value = std::variant<std::uint64_t, std::int64_t, std::string_view>;

// Rows for one statement, cell by cell, row after row.
class Rows {
  public:
    explicit Rows(std::size_t columns) : columns_(columns) {}

    Rows& add(std::uint64_t number);
    Rows& add_signed(std::int64_t number);
    // The bytes must outlive the execution; keep() makes them.
    Rows& add(std::string_view bytes);
    Rows& keep(std::string bytes);

    [[nodiscard]] std::size_t count() const { return cells_ / columns_.size(); }

  private:
    friend class Connection;
    struct Column {
        bool is_bytes = false;
        bool is_signed = false;
        std::vector<std::uint64_t> numbers;
        std::vector<const char*> pointers;
        std::vector<unsigned long> lengths;
    };
    [[nodiscard]] std::vector<Value> values_of_row(std::size_t row) const;
    [[nodiscard]] std::size_t bytes_of_row(std::size_t row) const;

    std::vector<Column> columns_;
    std::deque<std::string> kept_;
    std::size_t cells_ = 0;
};

// What a query found, wholly in memory. Views live as long as it does.
class Found {
  public:
    [[nodiscard]] std::size_t count() const { return width_ == 0 ? 0 : cells_.size() / width_; }
    [[nodiscard]] std::uint64_t number(std::size_t row, std::size_t column) const;
    [[nodiscard]] std::int64_t signed_number(std::size_t row, std::size_t column) const;
    [[nodiscard]] std::string_view bytes(std::size_t row, std::size_t column) const;

  private:
    friend class Connection;
    std::size_t width_ = 0;
    std::vector<std::string> cells_;  // numbers as 8 native bytes
};

// How long an answer may take before the line counts as lost: longer than a Galera cluster stalls
// when it loses a node, and than any statement that reads or writes rows.
inline constexpr std::chrono::seconds kAnswerTimeout{60};
// Of statements that change tables: of a large one they copy every row.
inline constexpr std::chrono::seconds kTableChangeTimeout = std::chrono::hours(24);

class Connection {
  public:
    explicit Connection(Dsn dsn, std::chrono::seconds answer_timeout = kAnswerTimeout);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Connected after this, anew if the line was broken. Not inside a transaction.
    Status use();
    // A text without parameters: DDL, begin, commit.
    Status run(std::string_view sql);
    // Rows affected.
    Result<std::uint64_t> execute(std::string_view sql, std::span<const Value> values);
    // In a transaction only: on a node of a cluster it is a statement for each row, and an error
    // leaves those before it written.
    Result<std::uint64_t> execute(std::string_view sql, const Rows& rows);
    Result<Found> query(std::string_view sql, std::span<const Value> values);
    // `sql` ends in " IN ": the list is appended, in portions, and after it `rest`; what all
    // portions found together.
    Result<Found> query_in(std::string_view sql, std::span<const Value> values,
                           std::string_view rest = {});

    [[nodiscard]] bool is_broken() const { return handle_ == nullptr; }
    // As the last answer said; not of a broken line.
    [[nodiscard]] bool is_in_transaction() const;
    // Ends the line without a word: whatever transaction was open is rolled back by the server.
    void drop();

  private:
    struct CloseStatement {
        void operator()(st_mysql_stmt* statement) const;
    };
    using Statement = std::unique_ptr<st_mysql_stmt, CloseStatement>;

    Status open();
    Result<st_mysql_stmt*> prepared(std::string_view sql);
    Status execute_span(st_mysql_stmt* statement, const Rows& rows, std::size_t first,
                        std::size_t count);
    Result<std::uint64_t> execute_row_by_row(std::string_view sql, const Rows& rows);
    Status fetch_all(st_mysql_stmt* statement, Found& found);
    Error error_of(st_mysql_stmt* statement);
    Error error_of(unsigned int number, std::string_view text);

    Dsn dsn_;
    const unsigned int answer_timeout_s_;
    st_mysql* handle_ = nullptr;
    bool is_of_cluster_ = false;
    std::unordered_map<std::string, Statement> statements_;
};

// A read outside a transaction: once more over a new line if the line broke in it, as it does when
// the server closed it while idle, or went and came back.
template <typename Read>
auto read_over(Connection& connection, Read read) -> decltype(read()) {
    LB_TRY(connection.use());
    auto found = read();
    if (found.ok() || !connection.is_broken()) return found;
    LB_TRY(connection.use());
    return read();
}

// What the caller must do about an error number of MariaDB or Connector/C.
ErrorCode class_of(unsigned int error_number);

}  // namespace lb::store::mariadb
