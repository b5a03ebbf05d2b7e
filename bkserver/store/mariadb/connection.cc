#include "bkserver/store/mariadb/connection.h"

#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "common/base/assert.h"

namespace lb::store::mariadb {

namespace {

constexpr unsigned int kConnectTimeoutS = 5;
// Array-bound rows go in portions below this, so that no packet passes max_allowed_packet (16 MiB).
constexpr std::size_t kPortionBytesMax = 4 * 1024 * 1024;
constexpr std::size_t kPortionRowsMax = 1024;
// Statements kept prepared. Queries of users make new ones all the time: when there are more, all
// are closed and made again as they are asked for.
constexpr std::size_t kStatementsMax = 500;
// Sizes of IN lists that are prepared; a list is padded to one of them by its last value. Each
// keeps about 110 bytes a parameter in the client library for as long as the connection lives, so
// they are few and the longest is not long.
constexpr std::array<std::size_t, 3> kListSizes = {1, 16, 128};

constexpr const char* kSessionSetup =
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', "
    "innodb_lock_wait_timeout = 10, tx_isolation = 'READ-COMMITTED', autocommit = 1, "
    "time_zone = '+00:00'";

bool is_number(enum_field_types type) {
    return type == MYSQL_TYPE_TINY || type == MYSQL_TYPE_SHORT || type == MYSQL_TYPE_LONG ||
           type == MYSQL_TYPE_LONGLONG || type == MYSQL_TYPE_INT24;
}

MYSQL_BIND bind_of(const Value& value, unsigned long& length) {
    MYSQL_BIND bind = {};
    if (const auto* bytes = std::get_if<std::string_view>(&value)) {
        bind.buffer_type = MYSQL_TYPE_BLOB;
        bind.buffer = const_cast<char*>(bytes->data());
        length = bytes->size();
        bind.length = &length;
        return bind;
    }
    bind.buffer_type = MYSQL_TYPE_LONGLONG;
    bind.is_unsigned = std::holds_alternative<std::uint64_t>(value) ? 1 : 0;
    bind.buffer =
        bind.is_unsigned
            ? const_cast<void*>(static_cast<const void*>(std::get_if<std::uint64_t>(&value)))
            : const_cast<void*>(static_cast<const void*>(std::get_if<std::int64_t>(&value)));
    return bind;
}

// NULL is 0 or empty: no column of ours is nullable, only functions answer so.
std::string cell_of(const MYSQL_BIND& bind, const std::string& buffer) {
    if (bind.buffer_type == MYSQL_TYPE_LONGLONG)
        return *bind.is_null != 0 ? std::string(sizeof(std::uint64_t), '\0') : buffer;
    if (*bind.is_null != 0) return {};
    return buffer.substr(0, std::min<std::size_t>(*bind.length, buffer.size()));
}

std::string list_of(std::size_t size) {
    std::string list = "(?";
    for (std::size_t i = 1; i < size; ++i) list += ",?";
    return list + ")";
}

void set_option(MYSQL* handle, mysql_option option, const std::string& value) {
    if (!value.empty()) mysql_optionsv(handle, option, value.c_str());
}

}  // namespace

ErrorCode class_of(unsigned int error_number) {
    switch (error_number) {
        case ER_DUP_ENTRY:
        case ER_DUP_ENTRY_WITH_KEY_NAME:
        case ER_LOCK_DEADLOCK:  // by rows of this server, or of another node of a cluster
            return ErrorCode::kConflict;
        case ER_DATA_TOO_LONG:
        case ER_TRUNCATED_WRONG_VALUE:
        case ER_TRUNCATED_WRONG_VALUE_FOR_FIELD:
        case ER_WARN_DATA_OUT_OF_RANGE:
        case ER_BAD_NULL_ERROR:
        case ER_INVALID_CHARACTER_STRING:
        case ER_TOO_BIG_ROWSIZE:
        case ER_NET_PACKET_TOO_LARGE:
        case CR_NET_PACKET_TOO_LARGE:
            return ErrorCode::kReject;
        case ER_ACCESS_DENIED_ERROR:
        case ER_DBACCESS_DENIED_ERROR:
        case ER_TABLEACCESS_DENIED_ERROR:
            return ErrorCode::kDenied;
        case ER_DISK_FULL:
        case ER_RECORD_FILE_FULL:
        case ER_STATEMENT_TIMEOUT:
            return ErrorCode::kFull;
        case ER_PARSE_ERROR:
        case ER_NO_SUCH_TABLE:
        case ER_BAD_FIELD_ERROR:
        case ER_BAD_DB_ERROR:
            return ErrorCode::kBug;
        default:
            return ErrorCode::kRetry;
    }
}

Rows& Rows::add(std::uint64_t number) {
    columns_[cells_++ % columns_.size()].numbers.push_back(number);
    return *this;
}

Rows& Rows::add_signed(std::int64_t number) {
    columns_[cells_ % columns_.size()].is_signed = true;
    return add(static_cast<std::uint64_t>(number));
}

Rows& Rows::add(std::string_view bytes) {
    Column& column = columns_[cells_++ % columns_.size()];
    column.is_bytes = true;
    column.pointers.push_back(bytes.data() == nullptr ? "" : bytes.data());
    column.lengths.push_back(bytes.size());
    return *this;
}

Rows& Rows::keep(std::string bytes) {
    return add(kept_.emplace_back(std::move(bytes)));
}

std::vector<Value> Rows::values_of_row(std::size_t row) const {
    std::vector<Value> values;
    values.reserve(columns_.size());
    for (const Column& column : columns_) {
        if (column.is_bytes)
            values.emplace_back(std::string_view(column.pointers[row], column.lengths[row]));
        else if (column.is_signed)
            values.emplace_back(static_cast<std::int64_t>(column.numbers[row]));
        else
            values.emplace_back(column.numbers[row]);
    }
    return values;
}

std::size_t Rows::bytes_of_row(std::size_t row) const {
    std::size_t bytes = 0;
    for (const Column& column : columns_) bytes += column.is_bytes ? column.lengths[row] + 9 : 9;
    return bytes;
}

std::uint64_t Found::number(std::size_t row, std::size_t column) const {
    std::uint64_t value = 0;
    const std::string& cell = cells_[row * width_ + column];
    LB_ASSERT(cell.size() == sizeof value);
    std::memcpy(&value, cell.data(), sizeof value);
    return value;
}

std::int64_t Found::signed_number(std::size_t row, std::size_t column) const {
    return static_cast<std::int64_t>(number(row, column));
}

std::string_view Found::bytes(std::size_t row, std::size_t column) const {
    return cells_[row * width_ + column];
}

void Connection::CloseStatement::operator()(st_mysql_stmt* statement) const {
    mysql_stmt_close(statement);
}

Connection::Connection(Dsn dsn, std::chrono::seconds answer_timeout)
    : dsn_(std::move(dsn)), answer_timeout_s_(static_cast<unsigned int>(answer_timeout.count())) {}

Connection::~Connection() {
    drop();
}

void Connection::drop() {
    statements_.clear();
    if (handle_ != nullptr) mysql_close(handle_);
    handle_ = nullptr;
}

Status Connection::use() {
    if (!is_broken()) return {};
    if (Status opened = open(); !opened.ok()) {
        drop();
        return opened.error().within("connecting to " + dsn_.to_string());
    }
    return {};
}

Status Connection::open() {
    handle_ = mysql_init(nullptr);
    LB_ASSERT(handle_ != nullptr);
    mysql_optionsv(handle_, MYSQL_OPT_CONNECT_TIMEOUT, &kConnectTimeoutS);
    mysql_optionsv(handle_, MYSQL_OPT_READ_TIMEOUT, &answer_timeout_s_);
    mysql_optionsv(handle_, MYSQL_OPT_WRITE_TIMEOUT, &answer_timeout_s_);
    set_option(handle_, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    set_option(handle_, MYSQL_OPT_SSL_CA, dsn_.ssl_ca);
    set_option(handle_, MYSQL_OPT_SSL_CERT, dsn_.ssl_cert);
    set_option(handle_, MYSQL_OPT_SSL_KEY, dsn_.ssl_key);
    if (!dsn_.ssl_ca.empty()) {
        const my_bool verify = 1;
        mysql_optionsv(handle_, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
    }
    const char* host = dsn_.socket.empty() ? dsn_.host.c_str() : nullptr;
    const char* socket = dsn_.socket.empty() ? nullptr : dsn_.socket.c_str();
    const char* database = dsn_.database.empty() ? nullptr : dsn_.database.c_str();
    // CLIENT_FOUND_ROWS: an update counts the rows that its condition met.
    if (mysql_real_connect(handle_, host, dsn_.user.c_str(), dsn_.password.c_str(), database,
                           dsn_.port, socket, CLIENT_FOUND_ROWS) == nullptr)
        return error_of(mysql_errno(handle_), mysql_error(handle_));
    LB_TRY(run(kSessionSetup));
    // Whether what is written here goes to other nodes of a Galera cluster, too.
    LB_TRY_ASSIGN(const Found found, query("SHOW VARIABLES LIKE 'wsrep_on'", {}));
    is_of_cluster_ = found.count() == 1 && found.bytes(0, 1) == "ON";
    return {};
}

Error Connection::error_of(unsigned int number, std::string_view text) {
    const ErrorCode code = class_of(number);
    Error error = {code, "database error " + std::to_string(number) + ": " + std::string(text)};
    if (number == ER_STATEMENT_TIMEOUT)
        error.text =
            "the database took longer than a question may: ask for less (one process, a shorter "
            "time), or add an index: lbctl index add";
    // The line is kept only when it is known to be sound. Errors that end the transaction alone
    // (deadlock, lock wait) leave it usable.
    const bool is_sound = code == ErrorCode::kConflict || code == ErrorCode::kReject ||
                          number == ER_STATEMENT_TIMEOUT || number == ER_LOCK_WAIT_TIMEOUT;
    if (!is_sound) drop();
    return error;
}

Error Connection::error_of(st_mysql_stmt* statement) {
    const std::string text = mysql_stmt_error(statement);
    return error_of(mysql_stmt_errno(statement), text);
}

Status Connection::run(std::string_view sql) {
    if (is_broken()) return Error{ErrorCode::kRetry, "the database connection was lost"};
    if (mysql_real_query(handle_, sql.data(), sql.size()) != 0) {
        const std::string text = mysql_error(handle_);
        return error_of(mysql_errno(handle_), text);
    }
    if (MYSQL_RES* result = mysql_store_result(handle_); result != nullptr)
        mysql_free_result(result);
    return {};
}

bool Connection::is_in_transaction() const {
    unsigned int status = 0;
    mariadb_get_infov(handle_, MARIADB_CONNECTION_SERVER_STATUS, &status);
    return (status & SERVER_STATUS_IN_TRANS) != 0;
}

Result<st_mysql_stmt*> Connection::prepared(std::string_view sql) {
    if (is_broken()) return Error{ErrorCode::kRetry, "the database connection was lost"};
    const std::string text(sql);
    if (const auto found = statements_.find(text); found != statements_.end())
        return found->second.get();
    if (statements_.size() >= kStatementsMax) statements_.clear();
    Statement statement(mysql_stmt_init(handle_));
    LB_ASSERT(statement != nullptr);
    const my_bool update_max_length = 1;
    mysql_stmt_attr_set(statement.get(), STMT_ATTR_UPDATE_MAX_LENGTH, &update_max_length);
    if (mysql_stmt_prepare(statement.get(), text.data(), text.size()) != 0) {
        Error error = {ErrorCode::kRetry, mysql_stmt_error(statement.get())};
        const unsigned int number = mysql_stmt_errno(statement.get());
        statement.reset();
        return error_of(number, error.text).within("preparing " + text);
    }
    return statements_.emplace(text, std::move(statement)).first->second.get();
}

Result<std::uint64_t> Connection::execute(std::string_view sql, std::span<const Value> values) {
    LB_TRY_ASSIGN(st_mysql_stmt* const statement, prepared(sql));
    LB_ASSERT(mysql_stmt_param_count(statement) == values.size());
    std::vector<unsigned long> lengths(values.size());
    std::vector<MYSQL_BIND> binds;
    for (std::size_t i = 0; i < values.size(); ++i) binds.push_back(bind_of(values[i], lengths[i]));
    const unsigned int no_array = 0;
    mysql_stmt_attr_set(statement, STMT_ATTR_ARRAY_SIZE, &no_array);
    if (!binds.empty()) mysql_stmt_bind_param(statement, binds.data());
    if (mysql_stmt_execute(statement) != 0) return error_of(statement);
    return mysql_stmt_affected_rows(statement);
}

Status Connection::execute_span(st_mysql_stmt* statement, const Rows& rows, std::size_t first,
                                std::size_t count) {
    std::vector<MYSQL_BIND> binds(rows.columns_.size());
    for (std::size_t i = 0; i < binds.size(); ++i) {
        const Rows::Column& column = rows.columns_[i];
        if (column.is_bytes) {
            binds[i].buffer_type = MYSQL_TYPE_BLOB;
            binds[i].buffer = const_cast<char**>(column.pointers.data() + first);
            binds[i].length = const_cast<unsigned long*>(column.lengths.data() + first);
        } else {
            binds[i].buffer_type = MYSQL_TYPE_LONGLONG;
            binds[i].buffer = const_cast<std::uint64_t*>(column.numbers.data() + first);
            binds[i].is_unsigned = column.is_signed ? 0 : 1;
        }
    }
    const auto array_size = static_cast<unsigned int>(count);
    mysql_stmt_attr_set(statement, STMT_ATTR_ARRAY_SIZE, &array_size);
    mysql_stmt_bind_param(statement, binds.data());
    if (mysql_stmt_execute(statement) != 0) return error_of(statement);
    return {};
}

// A node of a Galera cluster rolls a transaction back, when another node was faster, also in the
// midst of an array: MariaDB 10.11 does not tell, and commits the rows that are left, each by
// itself.
Result<std::uint64_t> Connection::execute_row_by_row(std::string_view sql, const Rows& rows) {
    std::uint64_t affected = 0;
    for (std::size_t row = 0; row < rows.count(); ++row) {
        LB_TRY_ASSIGN(const std::uint64_t more, execute(sql, rows.values_of_row(row)));
        affected += more;
    }
    return affected;
}

Result<std::uint64_t> Connection::execute(std::string_view sql, const Rows& rows) {
    if (is_of_cluster_) return execute_row_by_row(sql, rows);
    std::uint64_t affected = 0;
    const std::size_t total = rows.count();
    for (std::size_t first = 0; first < total;) {
        std::size_t count = 0;
        for (std::size_t bytes = 0; first + count < total && count < kPortionRowsMax; ++count) {
            bytes += rows.bytes_of_row(first + count);
            if (count > 0 && bytes > kPortionBytesMax) break;
        }
        LB_TRY_ASSIGN(st_mysql_stmt* const statement, prepared(sql));
        LB_TRY(execute_span(statement, rows, first, count));
        affected += mysql_stmt_affected_rows(statement);
        first += count;
    }
    return affected;
}

Result<Found> Connection::query(std::string_view sql, std::span<const Value> values) {
    LB_TRY(execute(sql, values));
    LB_TRY_ASSIGN(st_mysql_stmt* const statement, prepared(sql));
    Found found;
    LB_TRY(fetch_all(statement, found));
    return found;
}

Status Connection::fetch_all(st_mysql_stmt* statement, Found& found) {
    if (mysql_stmt_store_result(statement) != 0) return error_of(statement);
    MYSQL_RES* const metadata = mysql_stmt_result_metadata(statement);
    LB_ASSERT(metadata != nullptr);
    const MYSQL_FIELD* const fields = mysql_fetch_fields(metadata);
    found.width_ = mysql_num_fields(metadata);
    std::vector<MYSQL_BIND> binds(found.width_);
    std::vector<std::string> buffers(found.width_);
    std::vector<unsigned long> lengths(found.width_);
    std::vector<my_bool> nulls(found.width_);
    for (std::size_t i = 0; i < found.width_; ++i) {
        const bool number = is_number(fields[i].type);
        binds[i].buffer_type = number ? MYSQL_TYPE_LONGLONG : MYSQL_TYPE_BLOB;
        binds[i].is_unsigned = (fields[i].flags & UNSIGNED_FLAG) != 0 ? 1 : 0;
        buffers[i].resize(number ? sizeof(std::uint64_t) : fields[i].max_length);
        binds[i].buffer = buffers[i].data();
        binds[i].buffer_length = buffers[i].size();
        binds[i].length = &lengths[i];
        binds[i].is_null = &nulls[i];
    }
    mysql_free_result(metadata);
    mysql_stmt_bind_result(statement, binds.data());
    int outcome = 0;
    while ((outcome = mysql_stmt_fetch(statement)) == 0)
        for (std::size_t i = 0; i < found.width_; ++i)
            found.cells_.push_back(cell_of(binds[i], buffers[i]));
    if (outcome != MYSQL_NO_DATA) return error_of(statement);
    // Connector/C frees a result only while the cursor stands on a row of it: behind the last one
    // the statement would keep it until it is executed again.
    if (found.count() > 0) mysql_stmt_data_seek(statement, 0);
    mysql_stmt_free_result(statement);
    return {};
}

Result<Found> Connection::query_in(std::string_view sql, std::span<const Value> values,
                                   std::string_view rest) {
    Found all;
    while (!values.empty()) {
        std::size_t size = kListSizes.back();
        for (const std::size_t candidate : kListSizes)
            if (candidate >= values.size()) {
                size = candidate;
                break;
            }
        const std::size_t count = std::min(size, values.size());
        std::vector<Value> list(values.begin(),
                                values.begin() + static_cast<std::ptrdiff_t>(count));
        list.resize(size, list.back());
        LB_TRY_ASSIGN(Found portion,
                      query(std::string(sql) + list_of(size) + std::string(rest), list));
        all.width_ = portion.width_;
        std::move(portion.cells_.begin(), portion.cells_.end(), std::back_inserter(all.cells_));
        values = values.subspan(count);
    }
    return all;
}

}  // namespace lb::store::mariadb
