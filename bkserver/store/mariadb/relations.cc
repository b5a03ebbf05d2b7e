#include "bkserver/store/mariadb/relations.h"

#include <string>

namespace lb::store::mariadb {

namespace {

constexpr std::string_view kSelectRelations =
    "SELECT parent, child, registration, since_us, state, flags, steps FROM relation ";
// Flags of table relation.
constexpr std::uint64_t kFlagParent = 1;

std::uint32_t small(const Found& found, std::size_t row, std::size_t column) {
    return static_cast<std::uint32_t>(found.number(row, column));
}

Result<std::vector<Relation>> select_relations(Connection& connection, std::string_view condition,
                                               ProcessNumber number) {
    const Value value = std::uint64_t{number};
    LB_TRY_ASSIGN(
        const Found found,
        connection.query(std::string(kSelectRelations).append(condition), std::span(&value, 1)));
    std::vector<Relation> relations;
    relations.reserve(found.count());
    for (std::size_t row = 0; row < found.count(); ++row) {
        Relation relation;
        relation.parent = small(found, row, 0);
        relation.child = small(found, row, 1);
        relation.registration = found.number(row, 2);
        relation.since_us = found.signed_number(row, 3);
        relation.state = static_cast<std::uint8_t>(found.number(row, 4));
        relation.is_parent = (found.number(row, 5) & kFlagParent) != 0;
        relation.steps = found.bytes(row, 6);
        relations.push_back(std::move(relation));
    }
    return relations;
}

}  // namespace

Result<std::vector<Relation>> select_children_of(Connection& connection, ProcessNumber parent) {
    return select_relations(connection, "WHERE parent = ? ORDER BY child", parent);
}

Result<std::vector<Relation>> select_parents_of(Connection& connection, ProcessNumber child) {
    return select_relations(connection, "WHERE child = ? ORDER BY parent", child);
}

Result<std::vector<News>> select_news(Connection& connection, std::uint32_t limit) {
    const Value value = std::uint64_t{limit};
    LB_TRY_ASSIGN(const Found found,
                  connection.query("SELECT number, parent, level FROM news ORDER BY number LIMIT ?",
                                   std::span(&value, 1)));
    std::vector<News> news;
    for (std::size_t row = 0; row < found.count(); ++row)
        news.push_back({found.number(row, 0), small(found, row, 1), small(found, row, 2)});
    return news;
}

Status put_relations(Connection& connection, std::span<const Relation> relations) {
    if (relations.empty()) return {};
    Rows rows(7);
    for (const Relation& relation : relations) {
        rows.add(std::uint64_t{relation.parent}).add(std::uint64_t{relation.child});
        rows.add(relation.registration).add_signed(relation.since_us);
        rows.add(std::uint64_t{relation.state}).add(relation.is_parent ? kFlagParent : 0);
        rows.add(std::string_view(relation.steps));
    }
    LB_TRY(connection.execute(
        "INSERT INTO relation (parent, child, registration, since_us, state, flags, steps) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE "
        "registration = IF(VALUES(registration) = 0, registration, VALUES(registration)), "
        "since_us = VALUES(since_us), state = VALUES(state), flags = VALUES(flags), "
        "steps = VALUES(steps)",
        rows));
    return {};
}

Status drop_relations(Connection& connection, std::span<const Relation> relations) {
    if (relations.empty()) return {};
    Rows rows(2);
    for (const Relation& relation : relations)
        rows.add(std::uint64_t{relation.parent}).add(std::uint64_t{relation.child});
    LB_TRY(connection.execute("DELETE FROM relation WHERE parent = ? AND child = ?", rows));
    return {};
}

Status move_children(Connection& connection, ProcessNumber from, ProcessNumber into) {
    LB_TRY_ASSIGN(std::vector<Relation> children, select_children_of(connection, from));
    LB_TRY(drop_relations(connection, children));
    for (Relation& relation : children) relation.parent = into;
    LB_TRY(put_relations(connection, children));
    const Value values[] = {std::uint64_t{into}, std::uint64_t{from}};
    LB_TRY(connection.execute("UPDATE news SET parent = ? WHERE parent = ?", values));
    return {};
}

Status add_news(Connection& connection, std::span<const News> news) {
    if (news.empty()) return {};
    Rows rows(2);
    for (const News& one : news) rows.add(std::uint64_t{one.parent}).add(std::uint64_t{one.level});
    LB_TRY(connection.execute("INSERT INTO news (parent, level) VALUES (?, ?)", rows));
    return {};
}

Status drop_news(Connection& connection, std::span<const News> news) {
    if (news.empty()) return {};
    Rows rows(1);
    for (const News& one : news) rows.add(one.number);
    LB_TRY(connection.execute("DELETE FROM news WHERE number = ?", rows));
    return {};
}

}  // namespace lb::store::mariadb
