#include "bkserver/query/candidate.h"

#include <algorithm>

#include "bkserver/query/classad.h"
#include "bkserver/query/counting.h"
#include "bkserver/query/sight.h"
#include "common/base/ascii.h"
#include "common/event/process_id.h"
#include "common/event/time_text.h"

namespace lb::query {

namespace {

using language::Condition;
using language::Expression;
using language::Term;
using store::Column;
using Values = std::vector<Value>;

Values text_value(std::string_view text, const Term& term) {
    if (text.empty()) return {};
    return values_of(Row(text), term, {});
}

Values time_value(std::int64_t time_us) {
    if (time_us == 0) return {};
    return {{event::time_to_text(time_us), time_us}};
}

// Conditions of which one could not be answered fit nothing; the error is the answer.
template <typename ValuesOf>
Result<bool> evaluate_over(const Expression& expression, const Domain& domain,
                           ValuesOf values_of_condition) {
    Status failed;
    const bool fitting = language::evaluate(expression, [&](const Condition& condition) {
        if (!failed.ok()) return false;
        const Result<Values> values = values_of_condition(condition);
        if (!values.ok()) {
            failed = values.error();
            return false;
        }
        return fits(condition, domain.terms[condition.term], *values);
    });
    if (!failed.ok()) return failed.error();
    return fitting;
}

// A short name stands for the id that ends in it, any spelling of an id or key for the one kept.
bool stands_for(const std::string& asked, const std::string& name) {
    if (asked == name) return true;
    const auto subject = event::parse_subject(asked);
    if (subject.ok()) return event::to_string(*subject) == name;
    return name.starts_with("https://") && name.ends_with("/" + asked) &&
           asked.find('/') == std::string::npos;
}

// Names are compared by what they stand for: each operand that stands for one becomes that name.
Values names_as_asked(const Condition& condition, const Values& names) {
    Values values = names;
    for (const auto& operand : condition.operands)
        for (const Value& name : names)
            if (stands_for(operand.text, name.text)) values.push_back({operand.text, 0});
    return values;
}

Status add_names(store::Reader& reader, store::ProcessNumber process, Values& names) {
    LB_TRY_ASSIGN(const auto subjects, reader.subjects_of(process));
    for (const store::Subject& subject : subjects) names.push_back({subject.text, 0});
    return {};
}

// Of the process, or of those that stand above or below it.
Result<Values> names_of(store::Reader& reader, store::ProcessNumber process, Origin origin) {
    Values names;
    if (origin == Origin::kParents) {
        LB_TRY_ASSIGN(const auto relations, reader.parents_of(process));
        for (const store::Relation& relation : relations)
            LB_TRY(add_names(reader, relation.parent, names));
    } else if (origin == Origin::kChildren) {
        LB_TRY_ASSIGN(const auto relations, reader.children_of(process));
        for (const store::Relation& relation : relations)
            LB_TRY(add_names(reader, relation.child, names));
    } else {
        LB_TRY(add_names(reader, process, names));
    }
    return names;
}

bool is_name(Origin origin) {
    return origin == Origin::kNames || origin == Origin::kParents || origin == Origin::kChildren;
}

// The last of `steps` that had begun at that moment; nullptr: none had.
template <typename Steps>
auto* step_at(const Steps& steps, std::int64_t moment_us) {
    const auto last = std::find_if(steps.rbegin(), steps.rend(),
                                   [&](const auto& step) { return step.time_us <= moment_us; });
    return last == steps.rend() ? nullptr : &*last;
}

std::int64_t time_in(const Row& row, std::string_view member, std::int64_t otherwise) {
    const auto found = row.find(member);
    if (found == row.end() || !found->is_string()) return otherwise;
    const auto time = event::time_from_text(found->get_ref<const std::string&>());
    return time.ok() ? *time : otherwise;
}

std::string host_at(const Row& attributes, std::int64_t moment_us) {
    std::string host;
    const auto placements = attributes.find("placements");
    if (placements == attributes.end()) return host;
    for (const Row& placement : *placements)
        if (time_in(placement, "from", INT64_MAX) <= moment_us &&
            moment_us < time_in(placement, "to", INT64_MAX))
            host = placement.value("host", std::string());
    return host;
}

}  // namespace

std::vector<Value> value_of_column(const store::Process& process, Column column, const Term& term) {
    switch (column) {
        case Column::kType:
            return text_value(state::process_type_word(process.type), term);
        case Column::kState:
            return text_value(process.state, term);
        case Column::kVmState:
            return text_value(process.vm_state, term);
        case Column::kOwner:
            return text_value(process.owner, term);
        case Column::kHost:
            return text_value(process.host, term);
        case Column::kEntered:
            return time_value(process.entered_us);
        case Column::kUpdated:
            return time_value(process.updated_us);
        case Column::kAdopted:
            return {{"", process.is_adopted && process.registrant.empty() ? 1 : 0}};
        case Column::kRegistrant:
        case Column::kAccessList:
        case Column::kProcessNumber:
        case Column::kName:
        case Column::kParent:
        case Column::kChild:
        case Column::kCloud:
        case Column::kEventType:
        case Column::kEventTime:
        case Column::kEventArrived:
        case Column::kEventVerdict:
            break;
    }
    return {};
}

Result<bool> ProcessCandidate::fits(const Expression& expression) {
    return evaluate_over(expression, process_domain(), [&](const Condition& condition) {
        return values(condition.term, condition);
    });
}

Result<std::string> ProcessCandidate::cloud() {
    LB_TRY_ASSIGN(const auto subjects, reader_.subjects_of(process_.number));
    for (const store::Subject& subject : subjects) {
        const auto key = event::Key::parse(subject.text);
        if (key.ok() && event::is_cloud_key(key->type)) return key->type + ":" + key->scope;
    }
    return std::string();
}

Result<Row> ProcessCandidate::status(bool with_view) {
    LB_TRY_ASSIGN(const Row* const attributes, this->attributes());
    Row row = *attributes;
    if (with_view) {
        LB_TRY_ASSIGN(const state::View* const view, this->view());
        add_view(row, *view);
    }
    return row;
}

Result<std::vector<Value>> ProcessCandidate::values(std::size_t asked, const Condition& condition) {
    const Domain& domain = process_domain();
    const Term& term = domain.terms[asked];
    const Source& source = domain.sources[asked];
    if (is_name(source.origin)) {
        LB_TRY_ASSIGN(const Values names, names_of(reader_, process_.number, source.origin));
        return names_as_asked(condition, names);
    }
    if (source.origin == Origin::kCloud) {
        LB_TRY_ASSIGN(const std::string cloud, this->cloud());
        return text_value(cloud, term);
    }
    if (source.origin == Origin::kPast) return past_values(asked, condition.moment_us);
    if (source.column) return value_of_column(process_, *source.column, term);
    if (source.origin == Origin::kDisagreement || source.origin == Origin::kStale) {
        LB_TRY_ASSIGN(const state::View* const view, this->view());
        Values found;
        if (source.origin == Origin::kStale)
            for (const std::string& host : view->stale) found.push_back({host, 0});
        else
            for (const auto& one : view->disagreements) found.push_back({one.name, 0});
        return found;
    }
    LB_TRY_ASSIGN(const Row* const attributes, this->attributes());
    const auto member = attributes->find(source.path);
    if (member == attributes->end()) return Values();
    if (source.origin != Origin::kClassAd) return values_of(*member, term, condition.member);
    if (!jdl_) {
        // A description that is no ClassAd has no attributes.
        auto ad = parse_classad(member->get_ref<const std::string&>());
        jdl_ = ad.ok() ? std::move(*ad) : Row::object();
    }
    for (const auto& [name, value] : jdl_->items())
        if (equal_ignoring_case(name, condition.member)) return values_of(value, term, {});
    return Values();
}

Result<Values> ProcessCandidate::past_values(std::size_t asked, std::int64_t moment_us) {
    LB_TRY_ASSIGN(const Row* const attributes, this->attributes());
    const Term& term = process_domain().terms[asked];
    const std::string& path = process_domain().sources[asked].path;
    if (path == "vm_phy_hostname") return text_value(host_at(*attributes, moment_us), term);
    if (path == "vm_state") {
        const auto* const step = step_at(status_->steps, moment_us);
        return text_value(step == nullptr ? "" : state::to_string(step->vm_word), term);
    }
    const auto* const move = step_at(status_->moves, moment_us);
    return text_value(move == nullptr ? "" : state::to_string(move->state), term);
}

Result<const Row*> ProcessCandidate::attributes() {
    if (!status_) {
        LB_TRY_ASSIGN(registers_, state::Registers::decode(process_.registers));
        LB_TRY_ASSIGN(const auto children, Counting(reader_).children_of(process_));
        status_ = state::derive(*registers_, process_.id, children);
    }
    return &status_->attributes;
}

Result<const state::View*> ProcessCandidate::view() {
    LB_TRY(attributes());
    if (!view_) {
        LB_TRY_ASSIGN(view_, view_of(reader_, process_, *registers_, now_us_));
    }
    return &*view_;
}

Result<bool> EventCandidate::fits(const Expression& expression) {
    return evaluate_over(expression, event_domain(),
                         [&](const Condition& condition) { return values(condition); });
}

Result<const Row*> EventCandidate::row() {
    if (!row_) {
        LB_TRY_ASSIGN(const auto opened, open_event(found_.event));
        row_ = event_row(found_.event, opened);
    }
    return &*row_;
}

Result<std::vector<Value>> EventCandidate::values(const Condition& condition) {
    const Domain& domain = event_domain();
    const Term& term = domain.terms[condition.term];
    const Source& source = domain.sources[condition.term];
    if (source.column == Column::kEventTime) return time_value(found_.time_us);
    if (source.column == Column::kEventArrived) return time_value(found_.event.arrived_us);
    if (source.origin == Origin::kNames) {
        LB_TRY_ASSIGN(const Values names, names_of(reader_, found_.process, source.origin));
        return names_as_asked(condition, names);
    }
    if (source.origin == Origin::kProcess) return process_.values(source.process_term, condition);
    LB_TRY_ASSIGN(const Row* const row, this->row());
    const auto member = row->find(source.path);
    return member == row->end() ? Values() : values_of(*member, term, condition.member);
}

}  // namespace lb::query
