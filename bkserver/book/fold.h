// Events into registers, and registers into the columns of a process. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "bkserver/book/intake.h"
#include "bkserver/state/engine.h"
#include "bkserver/store/store.h"

namespace lb::book {

// What implies the type of an adopted process: the first of its keys that implies one; 0 when none
// does.
std::uint32_t implied_type(std::span<const store::Subject> subjects);

// The registration of a parent that planned a process, before or after it was heard of itself.
struct Embryo {
    event::AcceptedEvent registration;
    store::ArrivalNumber arrival = 0;  // of the registration
    std::string parent;                // id of the parent

    [[nodiscard]] std::string key() const;  // of several plans the one with the least key counts
};

// The id under which a registration's process plans its children: that of the subject, or the one
// that its key implies. Nothing when it is neither.
std::optional<event::ProcessId> planning_id(const event::Subject& subject,
                                            const std::string& service);

// All events of a process into fresh registers, one after the other, in whatever order they come.
class Folding {
  public:
    // Both outlive it; `embryo` may be nullptr.
    Folding(state::Registers& registers, const Embryo* embryo);
    // False: this registration tells what the process is. It is in the registers and alone there,
    // so the events before it are to be handed over again. An earlier registration may tell it once
    // more; each is earlier than the last.
    bool add(const event::AcceptedEvent& event);
    // Events that wait for a type.
    [[nodiscard]] std::uint32_t waiting() const { return waiting_; }

  private:
    void plan();

    state::Registers& registers_;
    const Embryo* const embryo_;
    std::string decided_by_;  // event id
    std::uint32_t waiting_ = 0;
};

// The columns that follow from the registers. The state of a process that its children move is left
// as it is, once it has one: who counts the children writes it (settler.h).
void set_columns(store::Process& process, const state::Registers& registers,
                 const state::ProcessStatus& status);
// The columns that children move. True when it is another state than before.
bool set_state_columns(store::Process& process, const state::ProcessStatus& status);

}  // namespace lb::book
