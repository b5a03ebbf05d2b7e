#include "bkserver/book/fold.h"

#include "bkserver/state/access.h"
#include "common/event/order_key.h"

namespace lb::book {

std::uint32_t implied_type(std::span<const store::Subject> subjects) {
    for (const store::Subject& subject : subjects) {
        const auto key = event::Key::parse(subject.text);
        if (!key.ok()) continue;
        const auto type = static_cast<std::uint32_t>(event::process_type_of_key(key->type));
        if (type != 0) return type;
    }
    return 0;
}

std::string Embryo::key() const {
    return event::order_key(registration.event, registration.arrival(), event::ClockFamily::kNone);
}

std::optional<event::ProcessId> planning_id(const event::Subject& subject,
                                            const std::string& service) {
    if (const auto* id = std::get_if<event::ProcessId>(&subject)) return *id;
    const auto id = event::ProcessId::of_key(service, std::get<event::Key>(subject));
    return id.ok() ? std::optional(*id) : std::nullopt;
}

Folding::Folding(state::Registers& registers, const Embryo* embryo)
    : registers_(registers), embryo_(embryo) {
    plan();
}

void Folding::plan() {
    if (embryo_ != nullptr)
        state::apply_embryo(registers_, embryo_->registration.event,
                            embryo_->registration.arrival(), embryo_->parent);
}

bool Folding::add(const event::AcceptedEvent& event) {
    if (event.envelope.event_id() == decided_by_) return true;
    switch (state::apply(registers_, event.event, event.arrival())) {
        case state::Outcome::kApplied:
        case state::Outcome::kNoted:
        case state::Outcome::kNotUnderstood:
            break;
        case state::Outcome::kWaiting:
            ++waiting_;
            break;
        case state::Outcome::kTypeChanged:
            decided_by_ = event.envelope.event_id();
            waiting_ = 0;
            plan();
            return false;
    }
    return true;
}

void set_columns(store::Process& process, const state::Registers& registers,
                 const state::ProcessStatus& status) {
    process.type = static_cast<std::uint16_t>(registers.type);
    process.owner = status.owner;
    process.host = status.host;
    process.rules_version = registers.rules_version;
    process.not_understood = registers.not_understood;
    process.has_access_list = !state::access_of(registers).is_empty();
    const bool has_state =
        !process.state.empty() && process.state != state::to_string(state::MainState::kUnknown);
    if (!has_state || !state::is_moved_by_children(registers.type))
        set_state_columns(process, status);
}

bool set_state_columns(store::Process& process, const state::ProcessStatus& status) {
    const std::string_view state = state::to_string(status.state);
    const bool is_changed = process.state != state || process.vm_state != status.vm_state;
    process.state = state;
    process.vm_state = status.vm_state;
    process.entered_us = status.entered_us;
    process.updated_us = status.updated_us;
    return is_changed;
}

}  // namespace lb::book
