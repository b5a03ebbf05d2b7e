// Statements about parents and children, for Reader and Writer alike.
#pragma once

#include <span>
#include <vector>

#include "bkserver/store/mariadb/connection.h"
#include "bkserver/store/mariadb/dictionary.h"
#include "bkserver/store/store.h"

namespace lb::store::mariadb {

Result<std::vector<Relation>> select_children_of(Connection& connection, ProcessNumber parent);
Result<std::vector<Relation>> select_parents_of(Connection& connection, ProcessNumber child);
Result<std::vector<News>> select_news(Connection& connection, std::uint32_t limit);

Status put_relations(Connection& connection, std::span<const Relation> relations);
Status drop_relations(Connection& connection, std::span<const Relation> relations);
// Children and news of `from` become those of `into`; a child of both is one.
Status move_children(Connection& connection, ProcessNumber from, ProcessNumber into);
Status add_news(Connection& connection, std::span<const News> news);
Status drop_news(Connection& connection, std::span<const News> news);

}  // namespace lb::store::mariadb
