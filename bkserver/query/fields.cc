#include "bkserver/query/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "bkserver/query/vocabulary.h"
#include "bkserver/state/attributes.h"

namespace lb::query {

namespace {

// Of a status beside its attributes (add_view).
constexpr std::string_view kViewFields[] = {"disagreements", "stale"};
// Of events as forms.h writes them.
constexpr std::string_view kEventFields[] = {
    "event_id", "type",        "process",    "key",    "time",          "source",
    "level",    "host",        "instance",   "user",   "sequence_code", "priority",
    "resync",   "since",       "attributes", "fields", "verdict",       "identity",
    "accepted", "accepted_on", "forwarder",  "arrived"};

bool has_attribute(std::string_view name) {
    const std::size_t at = state::attribute_index(name);
    return at != state::kAttributeCount && state::kAttributes[at].shape != state::Shape::kHidden;
}

template <typename List>
bool contains(const List& list, std::string_view name) {
    return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

// What a query calls otherwise than a status.
std::string hint(std::string_view name) {
    const Domain& domain = process_domain();
    const std::size_t term = language::find_term(domain.terms, name.substr(0, name.find('.')));
    if (term == domain.terms.size() || domain.sources[term].path.empty()) return {};
    return fmt::format("; it calls {} {}", domain.terms[term].name, domain.sources[term].path);
}

}  // namespace

Status check_process_fields(const lb::v1::QueryRequest& ask) {
    for (const std::string& field : ask.fields())
        if (!has_attribute(field) && !contains(kViewFields, field))
            return Error{ErrorCode::kReject,
                         fmt::format("a status has no '{}' to be shown{}", field, hint(field))};
    return {};
}

Status check_event_fields(const lb::v1::QueryRequest& ask) {
    for (const std::string& field : ask.fields())
        if (!contains(kEventFields, field))
            return Error{ErrorCode::kReject,
                         fmt::format("an event has no '{}' to be shown; there are {}", field,
                                     fmt::join(kEventFields, ", "))};
    return {};
}

}  // namespace lb::query
