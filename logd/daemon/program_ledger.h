// Which programs of this host tell of machines, and when they did last: for people who ask whether
// a hook is called. As the programs name themselves: nothing but that is decided by it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace lb::logd {

// Thread-safe.
class ProgramLedger {
  public:
    static constexpr std::size_t kProgramsMax = 64;  // then the one goes that was silent longest
    static constexpr std::size_t kNameBytesMax = 32;

    // One event of the program. A name that is none (see lb.v1.Envelope) is not counted.
    void add(std::string_view program, std::int64_t now_us);
    // {"lb-hook-libvirt": {"events": 3, "last": "2026-11-25T12:00:00.000000Z"}, ...}, since the
    // start of the daemon.
    [[nodiscard]] nlohmann::json to_json() const;

  private:
    struct Entry {
        std::uint64_t events = 0;
        std::int64_t last_us = 0;
    };
    mutable std::mutex mutex_;
    std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace lb::logd
