// Looks at what depends on now when its time has come: disagreements past their grace time, guests
// and loggers that fell silent. What it finds is kept beside the status as a concern, and each that
// appears or disappears is a change of its own, so that queries and notices learn of it without an
// event. The state is never touched: registers, status and rebuild are the same with and without
// it. Any number of lookouts may work on one database: a due row is taken by one of them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bkserver/state/engine.h"
#include "bkserver/store/store.h"
#include "common/base/result.h"

namespace lb::book {

// Read by any thread.
struct LookoutCounters {
    std::uint64_t looks = 0;      // at processes
    std::uint64_t changes = 0;    // of concerns
    std::uint64_t turned = 0;     // loggers that fell silent or are heard again
    std::uint64_t conflicts = 0;  // repeated because another writer was faster
};

class Lookout {
  public:
    // `lane`: this writer's own among the writers of the server. `database` outlives the lookout.
    static Result<std::unique_ptr<Lookout>> open(store::Database& database, std::uint32_t lane);

    // Looks at what is due. `knows_loggers`: this server, or another one, has listened for long
    // enough to say who is silent. Returns how many processes were looked at. kRetry: the database
    // is away.
    Result<std::size_t> look_once(std::int64_t now_us, bool knows_loggers);

    [[nodiscard]] LookoutCounters counters() const;

  private:
    Lookout(std::unique_ptr<store::Writer> writer, std::unique_ptr<store::Reader> reader)
        : writer_(std::move(writer)), reader_(std::move(reader)) {}

    // What one transaction writes.
    struct Findings {
        std::vector<store::Due> due;
        std::vector<store::Concern> concerns;
        std::vector<store::Change> changes;
    };
    Status turn_loggers(std::int64_t now_us);
    Result<std::size_t> look_at_some(std::int64_t now_us);
    Status look_at(const store::Process& process, const std::string& known, std::int64_t now_us,
                   Findings& findings);

    std::unique_ptr<store::Writer> writer_;
    std::unique_ptr<store::Reader> reader_;
    std::atomic<std::uint64_t> looks_ = 0;
    std::atomic<std::uint64_t> changes_ = 0;
    std::atomic<std::uint64_t> turned_ = 0;
    std::atomic<std::uint64_t> conflicts_ = 0;
};

}  // namespace lb::book
