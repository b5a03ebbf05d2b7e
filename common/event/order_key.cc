#include "common/event/order_key.h"

#include <algorithm>

#include "common/base/limits.h"
#include "common/event/digest.h"
#include "common/event/event_id.h"
#include "common/event/field_text.h"
#include "common/event/seqcode.h"

namespace lb::event {

namespace {

constexpr std::size_t kCondorTimestampBytes = 14;
constexpr std::size_t kCondorPositionBytes = 10;
constexpr std::size_t kOriginBytes = 8;

void put_big_endian(std::string& out, std::uint64_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
        out += static_cast<char>(value >> shift);
}

// Text of a fixed width, so that keys of one process compare field by field.
void put_text(std::string& out, std::string_view text, std::size_t width) {
    out += text.substr(0, width);
    out.append(width - std::min(width, text.size()), '\0');
}

// Flush right, as the original prints positions: of two numbers the longer one is greater.
void put_text_right(std::string& out, std::string_view text, std::size_t width) {
    out.append(width - std::min(width, text.size()), '\0');
    out += text.substr(0, width);
}

// Of equal timestamps the master's events come last, the starter's before them.
char condor_daemon_rank(char source) {
    if (source == 'm') return 2;
    if (source == 's') return 1;
    return 0;
}

void put_condor_clock(std::string& out, std::string_view sequence_code) {
    const auto code = parse_condor_code(sequence_code).value_or(CondorCode{"", "", 0, '\0'});
    put_text(out, code.timestamp, kCondorTimestampBytes);
    out += condor_daemon_rank(code.source);
    put_text_right(out, code.position, kCondorPositionBytes);
    out += code.source;
}

// A code that cannot be parsed counts as all zeros.
void put_clock(std::string& out, std::string_view sequence_code, ClockFamily family) {
    switch (family) {
        case ClockFamily::kNone:
            return;
        case ClockFamily::kGrid:
            for (const auto counter : parse_grid_code(sequence_code).value_or(GridCounters{}))
                put_big_endian(out, counter, 4);
            return;
        case ClockFamily::kPbs:
            for (const auto counter : parse_pbs_code(sequence_code).value_or(PbsCounters{}))
                put_big_endian(out, counter, 4);
            return;
        case ClockFamily::kCondor:
            put_condor_clock(out, sequence_code);
            return;
    }
}

std::string origin_bytes(const Event& event, std::string_view origin) {
    if (!origin.empty()) return std::string(origin.substr(0, kOriginBytes));
    std::string speaker = text_of(event.source);
    speaker += '\0';
    return sha256(speaker + event.host).substr(0, kOriginBytes);
}

}  // namespace

ClockFamily clock_family_of(ProcessType type) {
    switch (type) {
        case ProcessType::kSimple:
        case ProcessType::kDag:
        case ProcessType::kPartitionable:
        case ProcessType::kPartitioned:
        case ProcessType::kCollection:
            return ClockFamily::kGrid;
        case ProcessType::kPbs:
            return ClockFamily::kPbs;
        case ProcessType::kCondor:
            return ClockFamily::kCondor;
        case ProcessType::kUnspecified:
        case ProcessType::kCream:
        case ProcessType::kFileTransferCollection:
        case ProcessType::kFileTransfer:
        case ProcessType::kVirtualMachine:
        case ProcessType::kPhysicalMachine:
        case ProcessType::kVmCluster:
            return ClockFamily::kNone;
    }
    return ClockFamily::kNone;
}

std::int64_t order_time_us(const Event& event, const Arrival& arrival) {
    std::int64_t time_us = event.time_us;
    if (arrival.accepted_at_us != 0)
        time_us = std::min(time_us, arrival.accepted_at_us + limits::kSkewUsMax);
    if (arrival.order_cap_us != 0) time_us = std::min(time_us, arrival.order_cap_us);
    return time_us;
}

std::string order_key(const Event& event, const Arrival& arrival, ClockFamily family) {
    const bool is_registration = event.type == static_cast<std::uint16_t>(EventType::kRegJob);
    std::string key(1, is_registration ? '\0' : '\1');
    if (!is_registration) put_clock(key, event.sequence_code, family);
    // Times before 1970 sort first: the sign bit is turned over.
    constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63;
    put_big_endian(key, static_cast<std::uint64_t>(order_time_us(event, arrival)) ^ kSignBit, 8);
    key += origin_bytes(event, arrival.origin);
    put_big_endian(key, arrival.counter, 8);
    put_text(key, arrival.event_id, kEventIdBytes);
    return key;
}

}  // namespace lb::event
