#include "bkserver/book/fold.h"

#include "common/base/assert.h"

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

std::uint32_t fold_all(state::Registers& registers, std::span<const event::AcceptedEvent> events) {
    std::uint32_t waiting = 0;
    // The registration that decided the type: it is in the registers and alone there, so the others
    // begin again. An earlier registration may decide once more; each is earlier than the last.
    std::size_t decided_by = events.size();
    std::size_t restarts = 0;
    for (std::size_t i = 0; i < events.size(); ++i) {
        if (i == decided_by) continue;
        switch (state::apply(registers, events[i].event, events[i].arrival())) {
            case state::Outcome::kApplied:
            case state::Outcome::kNoted:
            case state::Outcome::kNotUnderstood:
                break;
            case state::Outcome::kWaiting:
                ++waiting;
                break;
            case state::Outcome::kTypeChanged:
                LB_ASSERT(++restarts <= events.size());
                decided_by = i;
                waiting = 0;
                i = static_cast<std::size_t>(-1);
                break;
        }
    }
    return waiting;
}

void set_columns(store::Process& process, const state::Registers& registers) {
    const state::ProcessStatus status = state::derive(registers, process.id);
    process.type = static_cast<std::uint16_t>(registers.type);
    process.state = state::to_string(status.state);
    process.vm_state = status.vm_state;
    process.owner = status.owner;
    process.host = status.host;
    process.entered_us = status.entered_us;
    process.updated_us = status.updated_us;
    process.rules_version = registers.rules_version;
    process.not_understood = registers.not_understood;
}

}  // namespace lb::book
