// The machines that are not done as far as the agent knows. Their numbers are kept in a file, so
// that a machine which ended while the agent was away is asked for by number: no pool lists it any
// more. The invariant: a machine that was logged is in the file until its end was logged.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/env/env.h"
#include "logd/opennebula/document.h"

namespace lb::opennebula_agent {

// What was last seen of a machine; nothing of those that only the file names.
struct Seen {
    int state = -1;
    int lcm_state = -1;
    int stay = -1;  // number of its last stay on a host

    bool operator==(const Seen&) const = default;
};
Seen seen_of(const opennebula::VmDocument& vm);

// One thread at a time.
class KnownMachines {
  public:
    using Map = std::map<int, Seen>;

    // `path` empty: kept in memory alone. A last line that was cut is left out.
    static Result<std::unique_ptr<KnownMachines>> open(env::Env& env, const std::string& path);

    [[nodiscard]] const Map& all() const { return machines_; }
    // Null: not known.
    [[nodiscard]] const Seen* find(int id) const;
    // Durable when it returns, if it is new.
    Status see(int id, const Seen& seen);
    // Gone from the file with the next replace().
    void forget(int id) { machines_.erase(id); }
    Status replace(Map machines);

  private:
    KnownMachines(env::Env& env, std::string path) : env_(env), path_(std::move(path)) {}

    env::Env& env_;
    const std::string path_;
    Map machines_;
    std::unique_ptr<env::File> file_;
    std::uint64_t file_bytes_ = 0;
};

}  // namespace lb::opennebula_agent
