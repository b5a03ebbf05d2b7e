#include "bkserver/query/replay.h"

#include <algorithm>

#include "bkserver/book/intake.h"
#include "bkserver/query/forms.h"

namespace lb::query {

namespace {

// Registrations of one parent, each of which planned children that no earlier one did.
constexpr std::size_t kPlansMax = 256;

std::string service_of(const std::string& id) {
    const auto parsed = event::ProcessId::parse(id);
    return parsed.ok() ? parsed->service() : std::string();
}

}  // namespace

Result<bool> scan_events(
    store::Reader& reader, store::ProcessNumber process,
    const std::function<bool(const store::Event&, const event::AcceptedEvent&)>& visit,
    ScanFrom from) {
    while (from.count < kScannedEventsMax) {
        const std::uint32_t limit = std::min(from.page, kScannedEventsMax - from.count);
        LB_TRY_ASSIGN(const auto page, reader.read_history(process, from.after, limit));
        for (const store::Event& stored : page.events) {
            LB_TRY_ASSIGN(const auto opened, open_event(stored));
            if (!visit(stored, opened)) return true;
        }
        if (page.cursor.empty()) return true;
        from.after = page.cursor;
        from.count += static_cast<std::uint32_t>(page.events.size());
    }
    return false;
}

Replay::Replay(std::uint32_t implied_type, std::optional<book::Embryo> embryo)
    : embryo_(std::move(embryo)), registers_(state::fresh(implied_type)) {
    plan();
}

Replay::Replay(state::Registers registers, std::optional<book::Embryo> embryo)
    : embryo_(std::move(embryo)), registers_(std::move(registers)) {}

void Replay::plan() {
    if (embryo_)
        state::apply_embryo(registers_, embryo_->registration.event,
                            embryo_->registration.arrival(), embryo_->parent);
}

void Replay::apply(const event::AcceptedEvent& accepted) {
    const state::Outcome outcome = state::apply(registers_, accepted.event, accepted.arrival());
    if (outcome == state::Outcome::kTypeChanged) {
        plan();
        for (const event::AcceptedEvent& earlier : untyped_)
            state::apply(registers_, earlier.event, earlier.arrival());
        untyped_.clear();
    } else if (accepted.event.type != book::kRegistration) {
        untyped_.clear();  // no registration follows
    } else if (!state::has_own_registration(registers_)) {
        untyped_.push_back(accepted);
    }
}

Result<std::optional<book::Embryo>> Plans::plan_of(const store::Process& child) {
    std::optional<book::Embryo> embryo;
    LB_TRY_ASSIGN(const auto relations, reader_.parents_of(child.number));
    for (const store::Relation& relation : relations) {
        if (relation.registration == 0) continue;
        LB_TRY(read_parent(relation.parent));
        const Plan* const plan = chosen(relation, child.id);
        if (plan == nullptr) continue;
        if (!embryo || plan->embryo.key() < embryo->key()) embryo = plan->embryo;
    }
    return embryo;
}

// The relation names the first of all plans. Others of its seed planned the child as well, unless
// they planned fewer children and it is none of those.
const Plans::Plan* Plans::chosen(const store::Relation& relation, const std::string& child) const {
    const auto first = std::find_if(plans_.begin(), plans_.end(), [&](const Plan& plan) {
        return plan.embryo.arrival == relation.registration;
    });
    if (first == plans_.end()) return nullptr;
    for (const Plan& plan : plans_) {
        if (!plan.is_counted || plan.brood.seed != first->brood.seed) continue;
        bool is_planned = plan.brood.count >= first->brood.count;
        for (std::uint32_t i = 0; !is_planned && i < plan.brood.count; ++i)
            is_planned = plan.parent.child(plan.brood.seed, i).to_string() == child;
        if (is_planned) return &plan;
    }
    return nullptr;
}

// Registrations sort before everything: the first other event ends the search.
Status Plans::read_parent(store::ProcessNumber number) {
    if (number == parent_) return {};
    parent_ = 0;
    plans_.clear();
    LB_TRY_ASSIGN(const auto row, reader_.get_process(number));
    const std::string service = row ? service_of(row->id) : std::string();
    const auto visit = [&](const store::Event& stored, const event::AcceptedEvent& opened) {
        if (opened.event.type != book::kRegistration) return false;
        const auto brood = state::brood_of(opened.event);
        const auto subject = event::parse_subject(opened.envelope.subject());
        auto id = subject.ok() ? book::planning_id(*subject, service) : std::nullopt;
        if (!brood || !id) return true;
        id->info.clear();
        keep({*brood, *id, {opened, stored.arrival, id->to_string()}, counts_(stored, opened)});
        return plans_.size() <= kPlansMax;
    };
    LB_TRY(scan_events(reader_, number, visit));
    if (plans_.size() > kPlansMax)
        return Error{ErrorCode::kFull, "a parent has planned its children in too many ways"};
    parent_ = number;
    return {};
}

// What an earlier one planned as well adds nothing.
void Plans::keep(Plan plan) {
    for (const Plan& earlier : plans_)
        if (earlier.brood.seed == plan.brood.seed && earlier.brood.count >= plan.brood.count &&
            (earlier.is_counted || !plan.is_counted))
            return;
    // Of the registration's own fields an embryo has the type alone.
    event::Event& event = plan.embryo.registration.event;
    const std::string type(event.text("jobtype"));
    event.fields.clear();
    event.set_text("jobtype", type);
    plan.embryo.registration.envelope.clear_event();
    plans_.push_back(std::move(plan));
}

}  // namespace lb::query
