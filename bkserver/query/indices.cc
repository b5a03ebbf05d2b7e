#include "bkserver/query/indices.h"

#include <fmt/format.h>

#include "bkserver/query/vocabulary.h"

namespace lb::query {

namespace {

constexpr int kIndexTermsMax = 4;

std::string_view term_of(store::Column column) {
    const Domain& domain = process_domain();
    for (std::size_t i = 0; i < domain.terms.size(); ++i)
        if (domain.sources[i].column == column) return domain.terms[i].name;
    return {};
}

}  // namespace

Status list_indices(store::Reader& reader, const OnRow& on_row) {
    LB_TRY_ASSIGN(const auto indices, reader.list_indices());
    for (const store::Index& index : indices) {
        Row terms = Row::array();
        for (const store::Column column : index.columns) terms.push_back(term_of(column));
        Row row = {{"name", index.name}, {"terms", std::move(terms)}};
        if (index.is_own) row["own"] = true;
        on_row(row);
    }
    return {};
}

Result<std::string> add_index(store::Reader& reader, const lb::v1::IndexRequest& ask) {
    if (ask.terms_size() == 0 || ask.terms_size() > kIndexTermsMax)
        return Error{ErrorCode::kReject,
                     fmt::format("an index has 1 to {} attributes", kIndexTermsMax)};
    const Domain& domain = process_domain();
    std::vector<store::Column> columns;
    for (const std::string& term : ask.terms()) {
        const std::size_t at = language::find_term(domain.terms, term);
        if (at == domain.terms.size() || !domain.sources[at].column)
            return Error{ErrorCode::kReject,
                         fmt::format("'{}' cannot be indexed; type, state, vm_state, owner, host, "
                                     "entered and updated can",
                                     term)};
        columns.push_back(*domain.sources[at].column);
    }
    return reader.add_index(columns);
}

}  // namespace lb::query
