#include "bkserver/query/sight.h"

#include <algorithm>

#include "bkserver/book/sightings.h"
#include "bkserver/query/views.h"
#include "bkserver/state/access.h"
#include "common/metrics/metrics.h"

namespace lb::query {

namespace {

// Whoever knows a name may ask for its status, too; a pattern would find names out.
bool is_by_name(const language::Condition& condition) {
    return condition.op == language::Operator::kEqual || condition.op == language::Operator::kIn;
}

bool may_ask(const language::Condition& condition, const Source& source, authz::View view) {
    switch (source.origin) {
        case Origin::kStatus:
        case Origin::kPast:
        case Origin::kClassAd:
            return may_filter_by(source.path, view);
        case Origin::kDisagreement:
            return may_filter_by("disagreements", view);
        case Origin::kStale:
            return may_filter_by("stale", view);
        case Origin::kNames:
            return is_by_name(condition);
        case Origin::kParents:
            return is_by_name(condition) && may_filter_by("parent_job", view) &&
                   may_filter_by("memberships", view);
        case Origin::kChildren:
            return is_by_name(condition) && may_filter_by("children", view);
        case Origin::kCloud:  // a name
        case Origin::kEvent:
        case Origin::kField:
        case Origin::kProcess:
            break;
    }
    return false;
}

Result<state::Access> access_of(store::Reader& reader, const store::Process& process) {
    if (!process.registers.empty()) {
        LB_TRY_ASSIGN(const auto registers, state::Registers::decode(process.registers));
        return state::access_of(registers);
    }
    LB_TRY_ASSIGN(const auto whole, reader.get_process(process.number));
    if (!whole) return state::Access{};
    LB_TRY_ASSIGN(const auto registers, state::Registers::decode(whole->registers));
    return state::access_of(registers);
}

}  // namespace

Result<authz::Reading> reading_of(store::Reader& reader, const authz::Policy& policy,
                                  const lb::v1::Identity& asker, const store::Process& process) {
    authz::ReadQuestion question{.process = process.id, .registrant = process.registrant};
    authz::Reading reading = policy.may_read(asker, question);
    // What a process gives of its own only adds to what the policy gives.
    if (reading.view == authz::View::kFull || !process.has_access_list) return reading;
    const auto access = access_of(reader, process);
    // Rights that nobody can read give nothing.
    if (!access.ok() && is_of_one_process(access.error())) return reading;
    if (!access.ok()) return access.error();
    question.access = &*access;
    return policy.may_read(asker, question);
}

store::Filter within_reach(store::Filter filter, const authz::Policy& policy,
                           const lb::v1::Identity& asker) {
    using store::Column;
    using store::Match;
    const auto reach = policy.reach(asker);
    if (!reach) return filter;
    std::vector<store::Clause> own = {{Column::kAccessList, Match::kOneOf, {}, {1}}};
    for (const std::string& registrant : reach->registrants) {
        const bool is_pattern = registrant.find('*') != std::string::npos;
        own.push_back(
            {Column::kRegistrant, is_pattern ? Match::kPattern : Match::kOneOf, {registrant}});
    }
    if (!reach->names.empty()) own.push_back({Column::kName, Match::kOneOf, reach->names});
    return filter.narrow(store::Filter::any_of(std::move(own)));
}

bool may_ask(const language::Expression& expression, const Domain& domain, authz::View view) {
    if (view == authz::View::kFull) return true;
    return view != authz::View::kNone &&
           std::all_of(expression.conditions.begin(), expression.conditions.end(),
                       [&](const language::Condition& condition) {
                           return may_ask(condition, domain.sources[condition.term], view);
                       });
}

bool is_of_one_process(const Error& error) {
    return error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kUnsupported;
}

Result<bool> unless_unreadable(Result<bool> answer, bool otherwise) {
    if (answer.ok() || !is_of_one_process(answer.error())) return answer;
    metrics::Registry::global()
        .counter("lb_query_unreadable_total",
                 "Processes passed over in lists and streams of changes: what is kept of them is "
                 "damaged, or written by a newer server.")
        .add();
    return otherwise;
}

Result<state::View> view_of(store::Reader& reader, const store::Process& process,
                            const state::Registers& registers, std::int64_t now_us) {
    LB_TRY_ASSIGN(const state::ViewInput input,
                  book::sightings_of(reader, process, registers, now_us));
    return state::view(registers, input);
}

}  // namespace lb::query
