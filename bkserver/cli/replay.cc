#include "bkserver/cli/replay.h"

#include <algorithm>
#include <utility>

#include "bkserver/state/parent_limits.h"
#include "common/event/event_id.h"
#include "common/event/order_key.h"
#include "common/event/process_id.h"

namespace lb::cli {
namespace {

event::Arrival arrival_of(std::string_view event_id) {
    event::Arrival arrival;
    arrival.event_id = event_id;
    return arrival;
}

std::uint32_t implied_type(std::string_view subject) {
    const auto key = event::Key::parse(subject);
    return key.ok() ? static_cast<std::uint32_t>(event::process_type_of_key(key->type)) : 0;
}

}  // namespace

Result<std::string> Replay::resolve(std::string_view subject) const {
    LB_TRY_ASSIGN(const event::Subject parsed, event::parse_subject(subject));
    std::string id = event::to_string(parsed);
    const auto bound = bindings_.find(id);
    return bound == bindings_.end() ? id : bound->second;
}

Replay::Process& Replay::process_of(const std::string& id) {
    auto [at, is_new] = processes_.try_emplace(id);
    if (is_new) {
        at->second.registers = state::fresh(implied_type(id));
        order_.push_back(id);
    }
    return at->second;
}

state::Outcome Replay::store(const std::string& id, Stored stored) {
    Process& process = process_of(id);
    const state::Outcome outcome =
        state::apply(registry_, process.registers, stored.event, arrival_of(stored.event_id));
    process.events.push_back(std::move(stored));
    if (outcome == state::Outcome::kTypeChanged) refold(process);
    for (const state::Link& link : state::links_of(process.registers))
        children_[link.parent].insert(id);
    return outcome;
}

// All that is known of the process, into registers that may say what it is already.
void Replay::refold(Process& process) {
    for (bool is_decided = false; !is_decided;) {
        is_decided = true;
        if (process.embryo)
            state::apply_embryo(registry_, process.registers, process.embryo->registration.event,
                                arrival_of(process.embryo->registration.event_id),
                                process.embryo->parent);
        for (const Stored& stored : process.events) {
            // An earlier registration decides anew, and stands alone in the registers then.
            is_decided = state::apply(registry_, process.registers, stored.event,
                                      arrival_of(stored.event_id)) != state::Outcome::kTypeChanged;
            if (!is_decided) break;
        }
    }
}

// Of several registrations the first by key claims the children.
void Replay::plan_children(const std::string& id, const Stored& registration) {
    const auto brood = state::brood_of(registration.event);
    const auto parent = event::ProcessId::parse(id);
    if (!brood || !parent.ok() || brood->count > limits::kChildrenPlannedMax) return;
    const auto key_of = [](const Stored& stored) {
        return event::order_key(stored.event, arrival_of(stored.event_id),
                                event::ClockFamily::kNone);
    };
    for (std::uint32_t i = 0; i < brood->count; ++i) {
        const std::string child = parent->child(brood->seed, i).to_string();
        Process& process = process_of(child);
        children_[id].insert(child);
        if (process.embryo && key_of(process.embryo->registration) <= key_of(registration))
            continue;
        process.embryo = Embryo{registration, id};
        process.registers = state::fresh(implied_type(child));
        refold(process);
    }
}

// The key's events are the process's own from now on, those before included.
void Replay::bind(const std::string& id, const event::Event& event) {
    const auto key = resolve(event.text("key"));
    if (!key.ok() || *key == id || processes_.contains(id) == false) return;
    if (key->starts_with("https://")) return;  // already bound, to another process
    bindings_[*key] = id;
    const auto adopted = processes_.find(*key);
    if (adopted == processes_.end()) return;
    const Process moved = std::move(adopted->second);
    processes_.erase(adopted);
    std::erase(order_, *key);
    for (const Stored& stored : moved.events)
        if (process_of(id).event_ids.insert(stored.event_id).second) store(id, stored);
}

void Replay::mirror(const std::string& id, const Stored& stored) {
    const auto mirrored = state::mirror_of(stored.event, id);
    if (!mirrored) return;
    const auto other = resolve(mirrored->process);
    if (!other.ok()) return;
    std::string event_id = event::event_id_of_source("mirror", stored.event_id);
    if (process_of(*other).event_ids.insert(event_id).second)
        store(*other, {mirrored->event, std::move(event_id)});
}

ReplayStep Replay::add(const ReplayEvent& event) {
    if (!event.error.empty()) return {{}, "malformed", event.error};
    const auto id = resolve(event.subject);
    if (!id.ok()) return {{}, "malformed", id.error().text};
    if (!process_of(*id).event_ids.insert(event.event_id).second) return {*id, "duplicate", {}};
    const Stored stored{event.event, event.event_id};
    const state::Outcome outcome = store(*id, stored);
    if (static_cast<event::EventType>(event.event.type) == event::EventType::kBind)
        bind(*id, event.event);
    mirror(*id, stored);
    plan_children(*id, stored);
    return {*id, std::string(state::to_string(outcome)), {}};
}

const state::Registers* Replay::registers(std::string_view process) const {
    const auto at = processes_.find(process);
    return at == processes_.end() ? nullptr : &at->second.registers;
}

// Children by the names under which they named this parent.
std::vector<state::Child> Replay::children_of(const std::string& id,
                                              std::set<std::string>& above) const {
    std::map<std::string, std::int64_t> since;
    for (const auto& [parent, children] : children_) {
        const auto named = resolve(parent);
        if (!named.ok() || *named != id) continue;
        for (const std::string& child : children) {
            const state::Registers* own = registers(child);
            if (own == nullptr || above.contains(child)) continue;
            for (const state::Link& link : state::links_of(*own))
                if (link.parent == parent) since.try_emplace(child, link.since_us);
        }
    }
    std::vector<state::Child> found;
    for (const auto& [child, since_us] : since) {
        const state::ProcessStatus status = counted(child, above);
        found.push_back({child, status.state, since_us, status.steps});
    }
    return found;
}

std::vector<state::Child> Replay::children(std::string_view process) const {
    std::set<std::string> above{std::string(process)};
    return children_of(std::string(process), above);
}

state::ProcessStatus Replay::counted(const std::string& id, std::set<std::string>& above) const {
    const state::Registers* own = registers(id);
    if (own == nullptr) return state::derive(registry_, state::Registers(), id);
    if (!state::has_children(own->type) || above.size() >= limits::kParentLevelsMax)
        return state::derive(registry_, *own, id);
    above.insert(id);
    const std::vector<state::Child> children = children_of(id, above);
    above.erase(id);
    return state::derive(registry_, *own, id, children);
}

state::ProcessStatus Replay::status(std::string_view process) const {
    std::set<std::string> above;
    state::ProcessStatus status = counted(std::string(process), above);
    const auto connections = status.attributes.find("connections");
    if (connections == status.attributes.end()) return status;
    for (auto& connection : *connections) {
        const state::Registers* other = registers(connection["to"].get<std::string>());
        const bool ended =
            other != nullptr &&
            state::ends_relations(
                state::derive(registry_, *other, connection["to"].get<std::string>()).state);
        if (ended && connection["state"] == "active") connection["state"] = "inactive";
    }
    return status;
}

}  // namespace lb::cli
