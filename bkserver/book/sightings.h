// What the store knows of the signs of life of a process and of the loggers of its hosts.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "bkserver/book/lru.h"
#include "bkserver/state/engine.h"
#include "bkserver/store/store.h"
#include "common/base/result.h"

namespace lb::book {

// For state::view() at `now_us`. Errors are the store's.
Result<state::ViewInput> sightings_of(store::Reader& reader, const store::Process& process,
                                      const state::Registers& registers, std::int64_t now_us);

// When loggers were heard last, as far as they were asked for. Whoever was heard is not silent for
// a while, whatever is heard since; of a host without a logger the same holds from when that was
// read, as one that comes is heard. So the store is asked only for those that may be silent by now,
// and the view is the same. Thread-safe, bounded.
class HeardLoggers {
  public:
    // As above, of a process whose heartbeats are read already. Loggers that are not silent may be
    // left out.
    Result<state::ViewInput> sightings_of(store::Reader& reader,
                                          std::span<const store::Heartbeat> heartbeats,
                                          const state::Registers& registers, std::int64_t now_us);

  private:
    static constexpr std::size_t kHostsMax = 65'536;

    void leave_out_heard(std::vector<std::string>& hosts, std::int64_t silent_at_us);
    void remember(std::span<const std::string> hosts, std::span<const store::Logger> loggers,
                  std::int64_t now_us);

    std::mutex mutex_;
    Lru<std::string, std::int64_t> heard_us_{kHostsMax};  // by host
};

}  // namespace lb::book
