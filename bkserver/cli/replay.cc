#include "bkserver/cli/replay.h"

#include <algorithm>
#include <utility>

#include "common/event/event_id.h"
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

Result<std::string> Replay::resolve(std::string_view subject) {
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
        state::apply(process.registers, stored.event, arrival_of(stored.event_id));
    process.events.push_back(std::move(stored));
    if (outcome == state::Outcome::kTypeChanged)
        for (const Stored& earlier : process.events)
            state::apply(process.registers, earlier.event, arrival_of(earlier.event_id));
    return outcome;
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
    return {*id, std::string(state::to_string(outcome)), {}};
}

const state::Registers* Replay::registers(std::string_view process) const {
    const auto at = processes_.find(process);
    return at == processes_.end() ? nullptr : &at->second.registers;
}

state::ProcessStatus Replay::status(std::string_view process) const {
    const state::Registers* own = registers(process);
    state::ProcessStatus status =
        state::derive(own == nullptr ? state::Registers() : *own, process);
    const auto connections = status.attributes.find("connections");
    if (connections == status.attributes.end()) return status;
    for (auto& connection : *connections) {
        const state::Registers* other = registers(connection["to"].get<std::string>());
        const bool ended =
            other != nullptr &&
            state::ends_relations(state::derive(*other, connection["to"].get<std::string>()).state);
        if (ended && connection["state"] == "active") connection["state"] = "inactive";
    }
    return status;
}

}  // namespace lb::cli
