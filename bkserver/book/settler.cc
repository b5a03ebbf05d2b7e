#include "bkserver/book/settler.h"

#include <algorithm>
#include <map>

#include "bkserver/book/fold.h"
#include "bkserver/state/engine.h"
#include "bkserver/state/parent_limits.h"
#include "common/base/guard.h"

namespace lb::book {

namespace {

// News taken in one round; what is left waits for the next.
constexpr std::uint32_t kNewsMax = 20'000;
// Parents counted in one transaction: each costs a read of all its children, the commit an fsync.
constexpr std::size_t kParentsPerTransaction = 16;

Result<std::vector<state::Child>> children_in(std::span<const store::Relation> relations) {
    std::vector<state::Child> children;
    children.reserve(relations.size());
    for (const store::Relation& relation : relations) {
        LB_TRY_ASSIGN(std::vector<state::Step> steps, state::decode_steps(relation.steps));
        children.push_back({{},
                            static_cast<state::MainState>(relation.state),
                            relation.since_us,
                            std::move(steps)});
    }
    return children;
}

}  // namespace

Result<std::unique_ptr<Settler>> Settler::open(store::Database& database, std::uint32_t lane) {
    LB_TRY_ASSIGN(auto writer, database.open_writer(lane));
    return std::unique_ptr<Settler>(new Settler(std::move(writer)));
}

SettlerCounters Settler::counters() const {
    return {counted_, children_, changes_, conflicts_, unsettled_};
}

Result<std::vector<Settler::Pile>> Settler::read_piles() {
    LB_TRY(writer_->begin());
    LB_TRY_ASSIGN(const std::vector<store::News> news, writer_->read_news(kNewsMax));
    writer_->rollback();
    std::map<store::ProcessNumber, Pile> by_parent;
    for (const store::News& one : news) {
        Pile& pile = by_parent[one.parent];
        pile.parent = one.parent;
        pile.level = std::max(pile.level, one.level);
        pile.news.push_back(one);
    }
    std::vector<Pile> piles;
    for (auto& [parent, pile] : by_parent) piles.push_back(std::move(pile));
    return piles;
}

Result<std::size_t> Settler::settle_once(std::int64_t now_us) {
    auto piles = read_piles();
    if (!piles.ok()) {
        writer_->rollback();
        return piles.error();
    }
    const std::uint64_t before = counted_;
    const std::span<const Pile> all = *piles;
    for (std::size_t first = 0; first < all.size(); first += kParentsPerTransaction) {
        const auto some = all.subspan(first, std::min(kParentsPerTransaction, all.size() - first));
        Status settled = settle(some, now_us);
        if (settled.ok()) continue;
        writer_->rollback();
        // One of them has another writer, or cannot be counted: the others shall not wait for it.
        for (std::size_t i = 0; i < some.size(); ++i) {
            settled = settle(some.subspan(i, 1), now_us);
            if (settled.ok()) continue;
            writer_->rollback();
            if (settled.error().code == ErrorCode::kConflict)
                ++conflicts_;
            else if (settled.error().code == ErrorCode::kRetry)
                return settled.error();
            else
                unsettled_ += some[i].news.size();
        }
    }
    return static_cast<std::size_t>(counted_ - before);
}

Status Settler::settle(std::span<const Pile> piles, std::int64_t now_us) {
    const auto count_all = [&]() -> Status {
        for (const Pile& pile : piles) LB_TRY(count(pile, now_us));
        return {};
    };
    LB_TRY(writer_->begin());
    // One that makes counting throw is left alone like one that cannot be counted.
    LB_TRY(guarded(count_all));
    LB_TRY(writer_->commit());
    counted_ += piles.size();
    return {};
}

Status Settler::count(const Pile& pile, std::int64_t now_us) {
    store::ProcessNumber number = pile.parent;
    // A process that was merged meanwhile is counted under its other name.
    for (std::uint32_t i = 0; i < limits::kParentLevelsMax && number != 0; ++i) {
        LB_TRY_ASSIGN(auto rows, writer_->find_processes(std::span(&number, 1)));
        number = rows[0] ? rows[0]->merged_into : 0;
        if (rows[0] && number == 0 && state::is_moved_by_children(rows[0]->type))
            LB_TRY(count_children(*rows[0], pile, now_us));
    }
    return writer_->drop_news(pile.news);
}

Status Settler::count_children(store::Process& row, const Pile& pile, std::int64_t now_us) {
    LB_TRY_ASSIGN(const state::Registers registers, state::Registers::decode(row.registers));
    LB_TRY_ASSIGN(const auto relations, writer_->children_of(row.number));
    LB_TRY_ASSIGN(const auto children, children_in(relations));
    children_ += children.size();
    const state::ProcessStatus status = state::derive_state(registers, row.id, children);
    const store::Process old = row;
    const bool is_changed = set_state_columns(row, status);
    const bool is_moved =
        is_changed || row.entered_us != old.entered_us || row.updated_us != old.updated_us;
    if (is_moved) {
        ++row.revision;
        LB_TRY(writer_->save_processes(std::span(&row, 1)));
    }
    if (is_changed) {
        const store::Change change = {.process = row.number,
                                      .revision = row.revision,
                                      .old_state = old.state,
                                      .new_state = row.state,
                                      .old_vm_state = old.vm_state,
                                      .new_vm_state = row.vm_state,
                                      .changed_us = now_us};
        LB_TRY(writer_->add_changes(std::span(&change, 1)));
        ++changes_;
    }
    // What the parents of this parent count of it.
    LB_TRY_ASSIGN(std::vector<store::Relation> above, writer_->parents_of(row.number));
    const std::string steps = state::encode_steps(status.steps);
    const auto state = static_cast<std::uint8_t>(status.state);
    std::erase_if(above, [&](store::Relation& relation) {
        if (relation.steps == steps && relation.state == state && relation.is_parent) return true;
        relation.steps = steps;
        relation.state = state;
        relation.is_parent = true;
        return false;
    });
    return hand_up(above, pile);
}

// A cluster that is, by a detour, its own member would make news for ever: they climb only so far.
Status Settler::hand_up(std::span<const store::Relation> above, const Pile& pile) {
    LB_TRY(writer_->put_relations(above));
    if (pile.level >= limits::kParentLevelsMax) return {};
    std::vector<store::News> news;
    for (const store::Relation& relation : above)
        news.push_back({.parent = relation.parent, .level = pile.level + 1});
    return writer_->add_news(news);
}

}  // namespace lb::book
