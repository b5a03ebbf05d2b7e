// Folds events without a server: the same rules, the registers in memory. What the server's store
// does between events (waiting for a registration, binding keys, mirroring relations) is done here
// in small.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bkserver/cli/replay_input.h"
#include "bkserver/state/engine.h"
#include "bkserver/state/machine.h"

namespace lb::cli {

// What became of one event.
struct ReplayStep {
    std::string process;  // as the status calls it
    std::string verdict;  // applied, noted, duplicate, unregistered, unknown, malformed
    std::string reason;   // of a malformed one
};

class Replay {
  public:
    explicit Replay(state::Registry registry = state::machines()) : registry_(registry) {}

    ReplayStep add(const ReplayEvent& event);
    // The status of a process that some event named; its relations know the other ends.
    [[nodiscard]] state::ProcessStatus status(std::string_view process) const;
    [[nodiscard]] const state::Registers* registers(std::string_view process) const;
    // As its status counts them.
    [[nodiscard]] std::vector<state::Child> children(std::string_view process) const;
    // In order of appearance.
    [[nodiscard]] const std::vector<std::string>& processes() const { return order_; }

  private:
    struct Stored {
        event::Event event;
        std::string event_id;
    };
    // The registration of a parent that planned a process.
    struct Embryo {
        Stored registration;
        std::string parent;
    };
    struct Process {
        state::Registers registers;
        std::vector<Stored> events;
        std::set<std::string> event_ids;
        std::optional<Embryo> embryo;
    };

    // The process that a subject means: bound keys lead to their process.
    [[nodiscard]] Result<std::string> resolve(std::string_view subject) const;
    Process& process_of(const std::string& id);
    state::Outcome store(const std::string& id, Stored stored);
    void bind(const std::string& id, const event::Event& event);
    void mirror(const std::string& id, const Stored& stored);
    void plan_children(const std::string& id, const Stored& registration);
    void refold(Process& process);
    [[nodiscard]] std::vector<state::Child> children_of(const std::string& id,
                                                        std::set<std::string>& above) const;
    [[nodiscard]] state::ProcessStatus counted(const std::string& id,
                                               std::set<std::string>& above) const;

    state::Registry registry_;
    std::map<std::string, Process, std::less<>> processes_;
    std::map<std::string, std::string, std::less<>> bindings_;  // key -> process id
    std::map<std::string, std::set<std::string>> children_;     // by the parent that events named
    std::vector<std::string> order_;
};

}  // namespace lb::cli
