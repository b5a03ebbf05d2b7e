// Where bytes go that are no records: <root>/quarantine, two files for each span, the bytes and the
// reason. Bounded: when it is full, spans are counted but not kept. What is there is counted once a
// minute, not with each span: until then others who keep spans there may take it over its bounds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/env/env.h"
#include "common/spool/spool_format.h"

namespace lb::spool {

inline constexpr char kQuarantineDirectory[] = "quarantine";
// Below the spool: the root of a quarantine of its own for files that lb-logd's drop box refused.
// Users write those: they must not fill the place that events may need.
inline constexpr char kDroppedFilesDirectory[] = "dropped-files";
inline constexpr char kDroppedFilePrefix[] = "drop-";  // of spans' names there
// Directory entries, so that listing stays quick even when every span is small.
inline constexpr std::size_t kQuarantineSpansMax = 10'000;

// What names of spans begin with that are envelopes of events, whole, for this destination; the
// event's id in hexadecimal follows. They are what `lbctl spool replay` sends.
inline constexpr std::string_view kQuarantinedEventPrefix = "event-";
std::string quarantined_event_prefix(const Destination& destination);

struct QuarantinedSpan {
    std::string path;  // of the bytes
    std::uint64_t bytes = 0;
    std::string reason;

    [[nodiscard]] std::string_view name() const;  // the file's
    [[nodiscard]] bool is_event() const { return name().starts_with(kQuarantinedEventPrefix); }
    [[nodiscard]] bool is_dropped_file() const { return name().starts_with(kDroppedFilePrefix); }
};

class Quarantine {
  public:
    // `root`: the spool's.
    Quarantine(env::Env& env, const std::string& root, std::uint64_t bytes_max);

    // Keeps `bytes` under `name` (no slash), durable when it returns: the path of the bytes. A span
    // of that name that is there already is the same one, met again after a restart. kFull: not
    // kept.
    Result<std::string> keep(const std::string& name, std::string_view bytes,
                             const std::string& reason);

    // What is kept, by name.
    Result<std::vector<QuarantinedSpan>> list();
    // Forgets a span that list() named: it is not needed any more.
    Status remove(const QuarantinedSpan& span);

  private:
    // How much is kept, as far as this object knows.
    struct Total {
        std::size_t spans = 0;
        std::uint64_t bytes = 0;
        std::uint64_t counted_at_us = 0;  // monotonic
    };

    Status count();

    env::Env& env_;
    std::string directory_;
    std::uint64_t bytes_max_;
    std::optional<Total> total_;
};

}  // namespace lb::spool
