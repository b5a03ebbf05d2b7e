// Every bound of the product that is not configuration: name, unit, why. What happens when one is
// reached is said where it is used; each has a metric.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lb::limits {

// One event on the wire and in the spool. The original's database took 16 MiB; an event larger
// than this is refused by logd with a clear error.
inline constexpr std::size_t kEventBytesMax = 1024 * 1024;
// What the first daemon's stamp may add to an envelope that was as long as it may be.
inline constexpr std::size_t kAcceptanceBytesMax = 16 * 1024;
// A frame: a batch of events or a page of a reply.
inline constexpr std::size_t kFrameBytesMax = 8 * 1024 * 1024;
inline constexpr std::size_t kBatchEventsMax = 1024;
// Of one transaction of the server: when it is behind, many events of one process cost one row.
inline constexpr std::size_t kTransactionEventsMax = 4096;
inline constexpr std::size_t kFieldBytesMax = 512 * 1024;
inline constexpr std::size_t kAttributesMax = 64;
inline constexpr std::size_t kAttributeNameBytesMax = 128;
inline constexpr std::size_t kProcessIdBytesMax = 255;
inline constexpr std::size_t kKeyBytesMax = 255;
inline constexpr std::size_t kHostBytesMax = 255;
// Sequence codes, instances, identities: the longest the original stored.
inline constexpr std::size_t kHeaderTextBytesMax = 4096;

// Events kept for a process that nobody registered and no key explains; more of them are dead
// letters.
inline constexpr std::uint32_t kWaitingEventsMax = 10'000;

// An event time later than this after its acceptance does not count as later (design: order key).
inline constexpr std::int64_t kSkewUsMax = 5'000'000;
// An acceptance stamp later than this after its arrival at the server comes from a wrong clock: the
// server's own time caps the order time then.
inline constexpr std::int64_t kStampSkewUsMax = 600'000'000;
// Times that an event may state: from 1900-01-01 to the end of 9999, in microseconds since 1970.
inline constexpr std::int64_t kTimeUsMin = -2'208'988'800'000'000;
inline constexpr std::int64_t kTimeUsMax = 253'402'300'799'999'999;

// Registers of a process (bkserver/state). Named values (tags, edges, addresses): the newest stay.
inline constexpr std::size_t kNamesPerRegisterMax = 256;
// Track: of each row and source the newest claims of each group (a host, an attempt) ...
inline constexpr std::size_t kTrackNewestPerGroup = 4;
// ... of these the newest over all groups (64 hosts), and the first claim of the oldest groups.
inline constexpr std::size_t kTrackNewestPerKind = 256;
inline constexpr std::size_t kTrackFirstGroups = 64;
// A text kept with a claim of the track (a host, a reason) is cut here.
inline constexpr std::size_t kTrackTextBytesMax = 1024;
// A job description kept with a claim of the track is cut here.
inline constexpr std::size_t kTrackDocumentBytesMax = 16 * 1024;
// Intervals that a status shows of where a machine ran: the newest.
inline constexpr std::size_t kPlacementsMax = 64;

}  // namespace lb::limits
