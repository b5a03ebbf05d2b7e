// Constants and small types of the spool, shared by writer and reader. FORMAT.md is the document.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/limits.h"
#include "common/base/result.h"

namespace lb::spool {

inline constexpr std::string_view kSegmentMagic = "LBSEG001";
inline constexpr std::uint32_t kFormatVersion = 1;
inline constexpr std::size_t kSegmentHeaderBytes = 64;
inline constexpr std::size_t kRecordHeaderBytes = 32;
inline constexpr std::size_t kRecordAlignment = 8;
// An envelope of the largest event, and what logd adds to it.
inline constexpr std::size_t kRecordPayloadBytesMax = limits::kEventBytesMax + 16 * 1024;
inline constexpr std::uint32_t kRecordMagic = 0x4352424C;  // "LBRC" in the file
inline constexpr std::uint32_t kLedgerMagic = 0x474C424C;  // "LBLG" in the file

enum class RecordType : std::uint32_t {
    kEvent = 1,  // payload: serialized lb.v1.Envelope
    kSeal = 2,   // no payload: the segment was closed in good order; index = events before it
};

enum class Lane : std::uint8_t { kSync = 1, kBulk = 2 };
inline constexpr std::array<Lane, 2> kLanes = {Lane::kSync, Lane::kBulk};
std::string_view to_string(Lane lane);  // "sync", "bulk": also the directory's name
std::optional<Lane> lane_of(std::string_view text);

// A place in a lane. Segment numbers grow and are never used twice, so a position means one thing
// for ever. {0, 0} is before everything.
struct Position {
    std::uint64_t segment = 0;
    std::uint64_t offset = 0;  // bytes from the segment's beginning

    auto operator<=>(const Position&) const = default;
};

// Where events go: the service "host:port" of their process.
struct Destination {
    std::string host;
    std::uint16_t port = 0;

    [[nodiscard]] std::string to_string() const;  // "host:port"
    // "host_port", every byte of host but [a-z0-9.-] as %XX: reversible, safe as a file name.
    [[nodiscard]] std::string directory_name() const;
    static Result<Destination> parse(std::string_view text);
    static std::optional<Destination> of_directory_name(std::string_view name);

    auto operator<=>(const Destination&) const = default;
};

// <root>/<destination>/<lane>
std::string lane_directory(const std::string& root, const Destination& destination, Lane lane);

// A segment's file is called NNNNNNNNNNNN-SSSSSSSS.seg: its number in decimal, its seed in
// hexadecimal. The checksum of each record's header begins with the seed, so that bytes which a
// producer put into an event can never pass for a record; and a broken segment header costs no
// record.
struct SegmentName {
    std::uint64_t number = 0;
    std::uint32_t seed = 0;

    [[nodiscard]] std::string to_string() const;
    static std::optional<SegmentName> parse(std::string_view file_name);
    auto operator<=>(const SegmentName&) const = default;
};

struct SegmentHeader {
    std::uint32_t version = kFormatVersion;
    Lane lane = Lane::kBulk;
    SegmentName name;
    std::int64_t created_us = 0;
    std::uint32_t destination_crc = 0;  // of the text "host:port"
};
std::array<char, kSegmentHeaderBytes> encode_segment_header(const SegmentHeader& header);
// kCorrupt: magic or checksum; kUnsupported: a newer version, checksum in order.
Result<SegmentHeader> decode_segment_header(std::string_view bytes);

struct RecordHeader {
    RecordType type = RecordType::kEvent;
    std::uint32_t payload_bytes = 0;
    std::uint32_t index = 0;  // events in this segment before this record
    std::int64_t appended_us = 0;
};
// Appends header, payload and padding to `target`.
void append_record(std::string& target, std::uint32_t seed, const RecordHeader& header,
                   std::string_view payload);
// Bytes that a record of this payload takes in the file.
constexpr std::size_t record_bytes(std::size_t payload_bytes) {
    return kRecordHeaderBytes +
           (payload_bytes + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}

enum class Parse : std::uint8_t {
    kRecord,         // header and payload check
    kEmpty,          // zeros: nothing was written here
    kPartial,        // too few bytes to tell; `header` says how many are needed, if it is whole
    kBrokenHeader,   // no record begins here
    kBrokenPayload,  // the header checks, so the record's end is known; the payload does not
};
// Looks at the record at the beginning of `bytes`. `header` is filled unless the answer is kEmpty
// or kBrokenHeader; of kPartial with fewer than kRecordHeaderBytes it says nothing.
Parse parse_record(std::string_view bytes, std::uint32_t seed, RecordHeader& header);

}  // namespace lb::spool
