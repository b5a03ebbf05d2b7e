// What the query services of a server remember between questions, to answer the same faster. Each
// thing is bounded, and is used only as long as the store says that it is still so. Thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "bkserver/book/lru.h"
#include "bkserver/book/sightings.h"
#include "bkserver/query/forms.h"
#include "bkserver/query/timeline.h"
#include "bkserver/state/engine.h"
#include "bkserver/store/store.h"

namespace lb::query {

// A process as it was read, with what follows from its registers alone. Good while it has that
// revision.
struct KnownProcess {
    store::Process process;
    state::Registers registers;
    Row status;  // null: it is counted from children as well
};

class KnownProcesses {
  public:
    // Nothing: it was not asked for lately.
    std::shared_ptr<const KnownProcess> find(std::string_view name);
    // Opens the registers of `process`, which answers to `name`, and keeps it. Errors are those of
    // Registers::decode().
    Result<std::shared_ptr<const KnownProcess>> learn(std::string_view name,
                                                      const store::Process& process);

  private:
    // Some 5,000 machines of twenty events.
    static constexpr std::size_t kBytesMax = std::size_t{64} * 1024 * 1024;

    std::mutex mutex_;
    // By the name that was asked for: an id, a part of one, a key.
    book::Lru<std::string, std::shared_ptr<const KnownProcess>> by_name_{SIZE_MAX, kBytesMax};
};

struct Memory {
    KnownProcesses processes;
    book::HeardLoggers loggers;
    Timelines timelines;
};

}  // namespace lb::query
