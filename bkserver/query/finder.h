// Finds the processes that are asked for by name, by what is remembered of them and what the store
// has: one by one, or many by a few statements.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bkserver/query/memory.h"
#include "bkserver/store/store.h"

namespace lb::query {

struct FoundProcess {
    store::SightedProcess sighted;
    std::shared_ptr<const KnownProcess> known;  // nullptr: it was not, or has changed
};

// One thread at a time.
class Finder {
  public:
    // Both outlive it.
    Finder(store::Reader& reader, KnownProcesses& known) : reader_(reader), known_(known) {}

    // As it is now; kNotFound.
    Result<FoundProcess> find(std::string_view name);
    // What find() tells of these next, once each, is read now; what cannot be read together is read
    // alone then. Forgets what was read ahead before.
    void read_ahead(std::span<const std::string> names);

  private:
    using Ahead = std::unordered_map<std::string, FoundProcess>;  // by name
    Status read(std::span<const std::string> names, Ahead& ahead);
    Result<std::vector<std::string>> recall(std::span<const std::string> names, Ahead& ahead);
    Status add_heartbeats(Ahead& ahead);

    store::Reader& reader_;
    KnownProcesses& known_;
    Ahead ahead_;
};

}  // namespace lb::query
