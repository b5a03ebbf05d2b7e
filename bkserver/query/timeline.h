// What needs the stored events of a process and not its registers alone: the history with the state
// after each event, and the events behind an explanation.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "bkserver/book/lru.h"
#include "bkserver/query/forms.h"
#include "bkserver/state/engine.h"
#include "bkserver/store/store.h"
#include "common/metrics/metrics.h"

namespace lb::query {

struct TimelinePage {
    std::string cursor;  // order key of the last event that was shown; empty: from the start
    std::uint32_t limit = 0;
};

// Registers of processes as they were where a page of their history ended: the next page goes on
// from there. Known of the pages that were asked for last; of others they are folded anew, which
// costs time and gives the same lines. Thread-safe.
class Timelines {
  public:
    // `bytes_max`: of the registers that are kept.
    explicit Timelines(std::size_t bytes_max = kBytesMax);

    // Events in the order of their keys, each with "state" and "vm_state" as they are after it.
    // `process`: as it is read before its events. Returns the cursor of the next page; empty at the
    // end. kFull: the page is behind more events than a scan looks at.
    Result<std::string> write(store::Reader& reader, const store::Process& process,
                              const TimelinePage& page,
                              const std::function<void(const Row&)>& on_row);

  private:
    static constexpr std::size_t kBytesMax = 16 * 1024 * 1024;

    // Good as long as the process has got no event since and is planned by the same registration.
    struct Halt {
        store::ProcessNumber process = 0;
        std::uint32_t revision = 0;
        store::ArrivalNumber plan = 0;  // 0: none
        std::uint32_t events = 0;       // up to it
        std::string registers{};

        [[nodiscard]] bool is_of(const Halt& other) const {
            return process == other.process && revision == other.revision && plan == other.plan;
        }
    };
    std::optional<Halt> find(const std::string& cursor);
    void keep(const std::string& cursor, Halt halt);

    std::mutex mutex_;
    book::Lru<std::string, Halt> halts_;  // by the cursor of the page that ended there
    metrics::Counter& replayed_;
};

// The explanation with the events that made its claims: who logged them, when, from where.
Result<Row> explanation_row(store::Reader& reader, const store::Process& process,
                            const state::Explanation& explanation);

}  // namespace lb::query
