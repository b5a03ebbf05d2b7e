// The verbs of store.h about what depends on now: due times, concerns, loggers that fall silent.
#include "bkserver/store/mariadb/writer.h"

namespace lb::store::mariadb {

namespace {

// Of table due: the one kind of timer that there is.
constexpr std::uint64_t kLook = 1;
// Loggers turned in one transaction: each may have many processes.
constexpr std::uint64_t kTurnedMax = 100;

std::uint32_t small(const Found& found, std::size_t row, std::size_t column) {
    return static_cast<std::uint32_t>(found.number(row, column));
}

}  // namespace

Result<std::vector<std::string>> MariadbWriter::take_turned_loggers(std::int64_t silent_at_us) {
    const Value values[] = {silent_at_us, silent_at_us, kTurnedMax};
    LB_TRY_ASSIGN(const Found found,
                  connection_.query("SELECT host, is_silent FROM logger WHERE "
                                    "(is_silent = 0 AND seen_us <= ?) OR "
                                    "(is_silent = 1 AND seen_us > ?) "
                                    "ORDER BY host LIMIT ? FOR UPDATE SKIP LOCKED",
                                    values));
    std::vector<std::string> hosts;
    Rows rows(2);
    for (std::size_t row = 0; row < found.count(); ++row) {
        const std::uint32_t host = small(found, row, 0);
        LB_TRY_ASSIGN(std::string name, dictionary_.text_of(host));
        hosts.push_back(std::move(name));
        rows.add(std::uint64_t{found.number(row, 1) == 0}).add(std::uint64_t{host});
    }
    if (!hosts.empty())
        LB_TRY(connection_.execute("UPDATE logger SET is_silent = ? WHERE host = ?", rows));
    return hosts;
}

Status MariadbWriter::put_due(std::span<const Due> due) {
    if (due.empty()) return {};
    Rows rows(3);
    for (const Due& one : due)
        rows.add(std::uint64_t{one.process}).add(kLook).add_signed(one.at_us);
    LB_TRY(connection_.execute(
        "INSERT INTO due (process, kind, at_us) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE "
        "at_us = IF(at_us = 9223372036854775807, 1, LEAST(at_us, VALUES(at_us)))",
        rows));
    return {};
}

Status MariadbWriter::put_due_on(std::span<const std::string> hosts, std::int64_t at_us) {
    for (const std::string& host : hosts) {
        LB_TRY_ASSIGN(const std::uint32_t number, dictionary_.number_of(TextKind::kHost, host));
        const Value values[] = {kLook, at_us, std::uint64_t{number}};
        LB_TRY(connection_.execute(
            "INSERT INTO due (process, kind, at_us) "
            "SELECT number, ?, ? FROM process WHERE host = ? AND merged_into = 0 "
            "ON DUPLICATE KEY UPDATE at_us = LEAST(at_us, VALUES(at_us))",
            values));
    }
    return {};
}

Status MariadbWriter::bring_forward(std::span<const Due> due) {
    if (due.empty()) return {};
    Rows rows(4);
    for (const Due& one : due)
        rows.add_signed(one.at_us).add(std::uint64_t{one.process}).add(kLook).add_signed(one.at_us);
    LB_TRY(connection_.execute(
        "UPDATE due SET at_us = ? WHERE process = ? AND kind = ? AND at_us > ?", rows));
    return {};
}

Result<std::vector<Due>> MariadbWriter::take_due(std::int64_t now_us, std::uint32_t limit) {
    const Value values[] = {kLook, now_us, std::uint64_t{limit}};
    LB_TRY_ASSIGN(const Found found,
                  connection_.query("SELECT process, at_us FROM due WHERE kind = ? AND at_us <= ? "
                                    "ORDER BY at_us LIMIT ? FOR UPDATE SKIP LOCKED",
                                    values));
    std::vector<Due> due;
    for (std::size_t row = 0; row < found.count(); ++row)
        due.push_back({small(found, row, 0), found.signed_number(row, 1)});
    return due;
}

Status MariadbWriter::settle_due(std::span<const Due> due) {
    Rows next(3);
    Rows over(2);
    bool is_any_next = false;
    bool is_any_over = false;
    for (const Due& one : due) {
        if (one.at_us == Due::kNever) {
            over.add(std::uint64_t{one.process}).add(kLook);
            is_any_over = true;
        } else {
            next.add_signed(one.at_us).add(std::uint64_t{one.process}).add(kLook);
            is_any_next = true;
        }
    }
    if (is_any_next)
        LB_TRY(
            connection_.execute("UPDATE due SET at_us = ? WHERE process = ? AND kind = ?", next));
    if (is_any_over)
        LB_TRY(connection_.execute("DELETE FROM due WHERE process = ? AND kind = ?", over));
    return {};
}

Result<std::vector<Concern>> MariadbWriter::find_concerns(
    std::span<const ProcessNumber> processes) {
    if (processes.empty()) return std::vector<Concern>();
    std::vector<Value> values;
    for (const ProcessNumber process : processes) values.emplace_back(std::uint64_t{process});
    LB_TRY_ASSIGN(const Found found,
                  connection_.query_in(
                      "SELECT process, names, since_us FROM concern WHERE process IN ", values));
    std::vector<Concern> concerns;
    for (std::size_t row = 0; row < found.count(); ++row) {
        LB_TRY_ASSIGN(std::string names, dictionary_.text_of(small(found, row, 1)));
        concerns.push_back({small(found, row, 0), std::move(names), found.signed_number(row, 2)});
    }
    return concerns;
}

Status MariadbWriter::put_concerns(std::span<const Concern> concerns) {
    for (const Concern& concern : concerns) {
        if (concern.names.empty()) {
            const Value value = std::uint64_t{concern.process};
            LB_TRY(
                connection_.execute("DELETE FROM concern WHERE process = ?", std::span(&value, 1)));
            continue;
        }
        LB_TRY_ASSIGN(const std::uint32_t names,
                      dictionary_.number_of(TextKind::kWord, concern.names));
        const Value values[] = {std::uint64_t{concern.process}, std::uint64_t{names},
                                concern.since_us};
        LB_TRY(connection_.execute(
            "INSERT INTO concern (process, names, since_us) VALUES (?, ?, ?) "
            "ON DUPLICATE KEY UPDATE names = VALUES(names), since_us = VALUES(since_us)",
            values));
    }
    return {};
}

}  // namespace lb::store::mariadb
