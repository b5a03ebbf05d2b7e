// Rebuild: folds the stored events of a process into fresh registers and compares, or replaces,
// what the live path had kept. Equal bytes are the proof of promise 3; a difference after an
// upgrade is the upgrade.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "bkserver/store/store.h"
#include "common/base/result.h"

namespace lb::book {

struct RebuildOutcome {
    std::string process;        // its id
    std::uint64_t events = 0;   // folded
    bool is_different = false;  // registers were not the same bytes
    bool is_written = false;
    std::string difference;  // for people: which part differs
    std::string error;       // why it could not be looked at; of rebuild_all()
};

struct RebuildOptions {
    bool compare_only = false;
    std::uint16_t type = 0;  // of rebuild_all: only processes of this type; 0: of any
};

// One process, named as in Reader::find_process(). kNotFound when there is none. A process that
// others keep writing is tried again; kRetry when they never let go.
Result<RebuildOutcome> rebuild_process(store::Database& database, std::string_view name,
                                       const RebuildOptions& options);

// All of them with numbers above `after`, in the order of their numbers; `on_outcome` is called for
// each, also for those that cannot be rebuilt, and returns false to stop. Returns the number to go
// on after, 0 when there are no more.
Result<store::ProcessNumber> rebuild_all(
    store::Database& database, const RebuildOptions& options, store::ProcessNumber after,
    const std::function<bool(const RebuildOutcome&)>& on_outcome);

}  // namespace lb::book
