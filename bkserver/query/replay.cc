#include "bkserver/query/replay.h"

#include "bkserver/book/intake.h"
#include "bkserver/query/forms.h"
#include "common/event/process_id.h"

namespace lb::query {

namespace {

constexpr std::uint32_t kScanPage = 1000;

std::string service_of(const std::string& id) {
    const auto parsed = event::ProcessId::parse(id);
    return parsed.ok() ? parsed->service() : std::string();
}

}  // namespace

Result<bool> scan_events(
    store::Reader& reader, store::ProcessNumber process,
    const std::function<bool(const store::Event&, const event::AcceptedEvent&)>& visit) {
    std::string cursor;
    for (std::uint32_t seen = 0; seen < kScannedEventsMax; seen += kScanPage) {
        LB_TRY_ASSIGN(const auto page, reader.read_history(process, cursor, kScanPage));
        for (const store::Event& stored : page.events) {
            LB_TRY_ASSIGN(const auto opened, open_event(stored));
            if (!visit(stored, opened)) return true;
        }
        if (page.cursor.empty()) return true;
        cursor = page.cursor;
    }
    return false;
}

Replay::Replay(std::uint32_t implied_type, std::optional<book::Embryo> embryo)
    : embryo_(std::move(embryo)), registers_(state::fresh(implied_type)) {
    plan();
}

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
    } else if (accepted.event.type == book::kRegistration &&
               !state::has_own_registration(registers_)) {
        untyped_.push_back(accepted);
    }
}

Result<std::optional<book::Embryo>> Plans::plan_of(const store::Process& child) {
    std::optional<book::Embryo> chosen;
    LB_TRY_ASSIGN(const auto relations, reader_.parents_of(child.number));
    for (const store::Relation& relation : relations) {
        if (relation.registration == 0) continue;
        LB_TRY_ASSIGN(const OfParent* const parent, of_parent(relation.parent));
        const auto planned = parent->by_child.find(child.id);
        if (planned == parent->by_child.end()) continue;
        const book::Embryo& embryo = parent->embryos[planned->second];
        if (!chosen || embryo.key() < chosen->key()) chosen = embryo;
    }
    return chosen;
}

// Registrations sort before everything: the first other event ends the search.
Result<const Plans::OfParent*> Plans::of_parent(store::ProcessNumber number) {
    const auto [place, is_new] = parents_.try_emplace(number);
    OfParent& parent = place->second;
    if (!is_new) return &parent;
    LB_TRY_ASSIGN(const auto row, reader_.get_process(number));
    const std::string service = row ? service_of(row->id) : std::string();
    const auto visit = [&](const store::Event& stored, const event::AcceptedEvent& opened) {
        if (opened.event.type != book::kRegistration) return false;
        const auto brood = state::brood_of(opened.event);
        const auto subject = event::parse_subject(opened.envelope.subject());
        if (!brood || !subject.ok() || !counts_(stored, opened)) return true;
        auto id = book::planning_id(*subject, service);
        if (!id) return true;
        id->info.clear();
        for (std::uint32_t i = 0; i < brood->count; ++i)
            parent.by_child.emplace(id->child(brood->seed, i).to_string(), parent.embryos.size());
        parent.embryos.push_back({opened, stored.arrival, id->to_string()});
        return true;
    };
    LB_TRY(scan_events(reader_, number, visit));
    return &parent;
}

}  // namespace lb::query
