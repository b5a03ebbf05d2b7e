// Indices that administrators add and drop while the server runs.
#include <algorithm>

#include "bkserver/store/mariadb/reader.h"

namespace lb::store::mariadb {

namespace {

// Of those that add_index() made.
constexpr std::string_view kPrefix = "q_";

struct IndexedColumn {
    Column column;
    std::string_view name;  // in table process
};
constexpr IndexedColumn kIndexed[] = {
    {Column::kType, "type"},          {Column::kState, "state"}, {Column::kVmState, "vm_state"},
    {Column::kOwner, "owner"},        {Column::kHost, "host"},   {Column::kEntered, "entered_us"},
    {Column::kUpdated, "updated_us"},
};

std::string_view name_of(Column column) {
    const auto row = std::find_if(std::begin(kIndexed), std::end(kIndexed),
                                  [&](const IndexedColumn& one) { return one.column == column; });
    return row == std::end(kIndexed) ? std::string_view() : row->name;
}

const IndexedColumn* find_indexed(std::string_view name) {
    const auto row = std::find_if(std::begin(kIndexed), std::end(kIndexed),
                                  [&](const IndexedColumn& one) { return one.name == name; });
    return row == std::end(kIndexed) ? nullptr : row;
}

}  // namespace

Result<std::vector<Index>> MariadbReader::list_indices() {
    LB_TRY_ASSIGN(const Found found,
                  query("SELECT index_name, column_name FROM information_schema.statistics "
                        "WHERE table_schema = DATABASE() AND table_name = 'process' "
                        "ORDER BY index_name, seq_in_index",
                        {}));
    std::vector<Index> indices;
    bool is_selecting = false;
    for (std::size_t row = 0; row < found.count(); ++row) {
        const std::string_view name = found.bytes(row, 0);
        if (indices.empty() || indices.back().name != name) {
            indices.push_back({std::string(name), {}, !name.starts_with(kPrefix)});
            is_selecting = true;
        }
        // What follows a column that nobody asks by only saves a look at the row.
        const IndexedColumn* const indexed = find_indexed(found.bytes(row, 1));
        is_selecting = is_selecting && indexed != nullptr;
        if (is_selecting) indices.back().columns.push_back(indexed->column);
    }
    std::erase_if(indices, [](const Index& index) { return index.columns.empty(); });
    return indices;
}

Result<std::string> MariadbReader::add_index(std::span<const Column> columns) {
    std::string name(kPrefix);
    std::string list;
    for (const Column column : columns) {
        const std::string_view word = name_of(column);
        if (word.empty()) return Error{ErrorCode::kReject, "that column cannot be indexed"};
        if (!list.empty()) {
            name += '_';
            list += ", ";
        }
        name += word;
        list += word;
    }
    LB_TRY_ASSIGN(const auto present, list_indices());
    for (const Index& index : present)
        if (std::equal(index.columns.begin(), index.columns.end(), columns.begin(), columns.end()))
            return Error{ErrorCode::kConflict, "there is such an index already: " + index.name};
    LB_TRY(for_table_changes_.use());
    // Names are those of the list above.
    LB_TRY(for_table_changes_.execute(
        "ALTER TABLE process ADD KEY " + name + " (" + list + "), ALGORITHM=INPLACE, LOCK=NONE",
        std::span<const Value>()));
    return name;
}

Status MariadbReader::drop_index(std::string_view name) {
    LB_TRY_ASSIGN(const auto present, list_indices());
    const auto found = std::find_if(present.begin(), present.end(), [&](const Index& index) {
        return index.name == name && !index.is_own;
    });
    if (found == present.end())
        return Error{ErrorCode::kNotFound, "there is no index '" + std::string(name) +
                                               "' that could be dropped; lbctl index list shows "
                                               "them"};
    LB_TRY(for_table_changes_.use());
    LB_TRY(for_table_changes_.execute(
        "ALTER TABLE process DROP KEY " + found->name + ", ALGORITHM=INPLACE, LOCK=NONE",
        std::span<const Value>()));
    return {};
}

}  // namespace lb::store::mariadb
