// The doorbell between lb-logd and lb-interlogd: two Unix datagram sockets in the runtime
// directory. It may lose any ring: the truth is in the files, who waits also polls. It never
// blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/spool/spool_writer.h"

namespace lb::spool {

inline constexpr char kLogdDoorbell[] = "logd.doorbell";
inline constexpr char kInterlogdDoorbell[] = "interlogd.doorbell";
inline constexpr std::size_t kDoorbellBytesMax = 16 * 1024;  // one datagram

// What became of an event whose producer waits (the synchronous lane).
struct SettledEvent {
    std::string event_id;       // 16 bytes
    std::uint32_t verdict = 0;  // lb.v1.Verdict
    std::string reason;
};

// What one ring said; lists that do not concern the receiver are empty.
struct Ring {
    std::vector<GrownLane> grown;       // logd -> interlogd
    std::vector<SettledEvent> settled;  // interlogd -> logd
    std::vector<Destination> retry;     // lbctl -> interlogd: do not wait out the back-off
};

// One thread at a time, but ring() and take() may be used by two different threads.
class Doorbell {
  public:
    // Binds `own_path` (a stale socket is replaced) and rings at `peer_path`, which need not exist
    // yet. An empty own_path only rings.
    static Result<std::unique_ptr<Doorbell>> open(const std::string& own_path,
                                                  const std::string& peer_path);
    ~Doorbell();
    Doorbell(const Doorbell&) = delete;
    Doorbell& operator=(const Doorbell&) = delete;

    // Split over as many datagrams as it takes. False when the peer is not there or its queue is
    // full.
    bool ring(const Ring& ring);
    // Everything that was rung since the last call, in one list; never waits.
    Ring take();
    // Readable when there is something to take: for poll and epoll.
    [[nodiscard]] int descriptor() const { return descriptor_; }

  private:
    Doorbell(int descriptor, std::string own_path, std::string peer_path);

    int descriptor_;
    std::string own_path_;
    std::string peer_path_;
};

}  // namespace lb::spool
