// Folds events without a server: the same rules, the registers in memory. What the server's store
// does between events (waiting for a registration, binding keys, mirroring relations) is done here
// in small.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bkserver/cli/replay_input.h"
#include "bkserver/state/engine.h"

namespace lb::cli {

// What became of one event.
struct ReplayStep {
    std::string process;  // as the status calls it
    std::string verdict;  // applied, noted, duplicate, unregistered, unknown, malformed
    std::string reason;   // of a malformed one
};

class Replay {
  public:
    ReplayStep add(const ReplayEvent& event);
    // The status of a process that some event named; its relations know the other ends.
    [[nodiscard]] state::ProcessStatus status(std::string_view process) const;
    [[nodiscard]] const state::Registers* registers(std::string_view process) const;
    // In order of appearance.
    [[nodiscard]] const std::vector<std::string>& processes() const { return order_; }

  private:
    struct Stored {
        event::Event event;
        std::string event_id;
    };
    struct Process {
        state::Registers registers;
        std::vector<Stored> events;
        std::set<std::string> event_ids;
    };

    // The process that a subject means: bound keys lead to their process.
    Result<std::string> resolve(std::string_view subject);
    Process& process_of(const std::string& id);
    state::Outcome store(const std::string& id, Stored stored);
    void bind(const std::string& id, const event::Event& event);
    void mirror(const std::string& id, const Stored& stored);

    std::map<std::string, Process, std::less<>> processes_;
    std::map<std::string, std::string, std::less<>> bindings_;  // key -> process id
    std::vector<std::string> order_;
};

}  // namespace lb::cli
