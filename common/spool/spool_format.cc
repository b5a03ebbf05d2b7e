#include "common/spool/spool_format.h"

#include <algorithm>
#include <charconv>

#include "common/base/encoding.h"
#include "common/base/little_endian.h"
#include "common/frame/crc32c.h"

namespace lb::spool {

namespace {

using frame::crc32c;

// Offsets in a segment header.
constexpr std::size_t kHeaderVersion = 8;
constexpr std::size_t kHeaderLane = 12;
constexpr std::size_t kHeaderNumber = 16;
constexpr std::size_t kHeaderSeed = 24;
constexpr std::size_t kHeaderDestination = 28;
constexpr std::size_t kHeaderCreated = 32;
constexpr std::size_t kHeaderChecksum = 60;
static_assert(kHeaderChecksum + sizeof(std::uint32_t) == kSegmentHeaderBytes);

// Offsets in a record header.
constexpr std::size_t kRecordMagicOffset = 0;
constexpr std::size_t kRecordHeaderChecksum = 4;
constexpr std::size_t kRecordPayloadChecksum = 8;
constexpr std::size_t kRecordLength = 12;
constexpr std::size_t kRecordTypeOffset = 16;
constexpr std::size_t kRecordIndex = 20;
constexpr std::size_t kRecordAppended = 24;
static_assert(kRecordAppended + sizeof(std::int64_t) == kRecordHeaderBytes);

constexpr std::size_t kNumberDigits = 12;
constexpr std::size_t kSeedDigits = 8;
constexpr std::string_view kSegmentSuffix = ".seg";

// Of a record header: seed, then all that follows the checksum itself.
std::uint32_t record_header_checksum(std::uint32_t seed, const char* header) {
    char seed_bytes[sizeof seed];
    store_little_endian(seed_bytes, seed);
    return crc32c({header + kRecordPayloadChecksum, kRecordHeaderBytes - kRecordPayloadChecksum},
                  crc32c({seed_bytes, sizeof seed_bytes}));
}

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

bool is_zero(std::string_view bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\0'; });
}

template <typename T>
std::optional<T> parse_number(std::string_view text, int base) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// Undoes the %XX of directory names; nothing when the text was not made by us.
std::optional<std::string> unescape(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            if (!is_plain(text[i])) return std::nullopt;
            plain += text[i];
            continue;
        }
        const auto byte = from_hex(text.substr(i + 1, 2));
        if (!byte || byte->size() != 1 || is_plain(byte->front())) return std::nullopt;
        plain += *byte;
        i += 2;
    }
    return plain;
}

}  // namespace

std::string_view to_string(Lane lane) {
    switch (lane) {
        case Lane::kSync:
            return "sync";
        case Lane::kBulk:
            return "bulk";
    }
    return "unknown";
}

std::optional<Lane> lane_of(std::string_view text) {
    for (const Lane lane : kLanes)
        if (text == to_string(lane)) return lane;
    return std::nullopt;
}

std::string Destination::to_string() const {
    return host + ":" + std::to_string(port);
}

std::string Destination::directory_name() const {
    std::string name;
    for (const char c : host) {
        if (is_plain(c))
            name += c;
        else
            name += "%" + to_hex({&c, 1});
    }
    return name + "_" + std::to_string(port);
}

Result<Destination> Destination::parse(std::string_view text) {
    const auto wrong = [&](std::string_view what) {
        return Error{ErrorCode::kReject, "destination \"" + std::string(text) +
                                             "\": " + std::string(what) + "; it must be host:port"};
    };
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return wrong("no host or no port");
    const auto port = parse_number<std::uint16_t>(text.substr(colon + 1), 10);
    if (!port || *port == 0) return wrong("the port is no number of 1 to 65535");
    if (colon > limits::kHostBytesMax) return wrong("the host is too long");
    return Destination{std::string(text.substr(0, colon)), *port};
}

std::optional<Destination> Destination::of_directory_name(std::string_view name) {
    const auto underscore = name.rfind('_');
    if (underscore == std::string_view::npos) return std::nullopt;
    auto host = unescape(name.substr(0, underscore));
    const auto port = parse_number<std::uint16_t>(name.substr(underscore + 1), 10);
    if (!host || host->empty() || !port || *port == 0) return std::nullopt;
    Destination destination{std::move(*host), *port};
    if (destination.directory_name() != name) return std::nullopt;
    return destination;
}

std::string lane_directory(const std::string& root, const Destination& destination, Lane lane) {
    return root + "/" + destination.directory_name() + "/" + std::string(to_string(lane));
}

std::string SegmentName::to_string() const {
    std::string digits = std::to_string(number);
    if (digits.size() < kNumberDigits) digits.insert(0, kNumberDigits - digits.size(), '0');
    char seed_bytes[sizeof seed];
    for (std::size_t i = 0; i < sizeof seed; ++i)
        seed_bytes[i] = static_cast<char>(seed >> (8 * (sizeof seed - 1 - i)));
    return digits + "-" + to_hex({seed_bytes, sizeof seed_bytes}) + std::string(kSegmentSuffix);
}

std::optional<SegmentName> SegmentName::parse(std::string_view file_name) {
    if (!file_name.ends_with(kSegmentSuffix)) return std::nullopt;
    const std::string_view stem = file_name.substr(0, file_name.size() - kSegmentSuffix.size());
    if (stem.size() < kNumberDigits + 1 + kSeedDigits) return std::nullopt;
    const std::size_t dash = stem.size() - kSeedDigits - 1;
    const auto number = parse_number<std::uint64_t>(stem.substr(0, dash), 10);
    const auto seed = parse_number<std::uint32_t>(stem.substr(dash + 1), 16);
    if (stem[dash] != '-' || !number || !seed) return std::nullopt;
    const SegmentName name{*number, *seed};
    if (name.to_string() != file_name) return std::nullopt;
    return name;
}

std::array<char, kSegmentHeaderBytes> encode_segment_header(const SegmentHeader& header) {
    std::array<char, kSegmentHeaderBytes> bytes{};
    std::copy(kSegmentMagic.begin(), kSegmentMagic.end(), bytes.begin());
    store_little_endian(&bytes[kHeaderVersion], header.version);
    store_little_endian(&bytes[kHeaderLane], static_cast<std::uint32_t>(header.lane));
    store_little_endian(&bytes[kHeaderNumber], header.name.number);
    store_little_endian(&bytes[kHeaderSeed], header.name.seed);
    store_little_endian(&bytes[kHeaderDestination], header.destination_crc);
    store_little_endian(&bytes[kHeaderCreated], static_cast<std::uint64_t>(header.created_us));
    store_little_endian(&bytes[kHeaderChecksum], crc32c({bytes.data(), kHeaderChecksum}));
    return bytes;
}

Result<SegmentHeader> decode_segment_header(std::string_view bytes) {
    const auto corrupt = [](std::string_view what) {
        return Error{ErrorCode::kCorrupt, "segment header: " + std::string(what)};
    };
    if (bytes.size() < kSegmentHeaderBytes) return corrupt("cut short");
    const char* data = bytes.data();
    if (bytes.substr(0, kSegmentMagic.size()) != kSegmentMagic) return corrupt("wrong magic");
    if (load_little_endian<std::uint32_t>(data + kHeaderChecksum) !=
        crc32c(bytes.substr(0, kHeaderChecksum)))
        return corrupt("checksum does not match");
    SegmentHeader header;
    header.version = load_little_endian<std::uint32_t>(data + kHeaderVersion);
    if (header.version != kFormatVersion)
        return Error{ErrorCode::kUnsupported, "segment of format version " +
                                                  std::to_string(header.version) +
                                                  "; this program reads version 1"};
    const auto lane = load_little_endian<std::uint32_t>(data + kHeaderLane);
    if (lane != static_cast<std::uint32_t>(Lane::kSync) &&
        lane != static_cast<std::uint32_t>(Lane::kBulk))
        return corrupt("unknown lane");
    header.lane = static_cast<Lane>(lane);
    header.name.number = load_little_endian<std::uint64_t>(data + kHeaderNumber);
    header.name.seed = load_little_endian<std::uint32_t>(data + kHeaderSeed);
    header.destination_crc = load_little_endian<std::uint32_t>(data + kHeaderDestination);
    header.created_us =
        static_cast<std::int64_t>(load_little_endian<std::uint64_t>(data + kHeaderCreated));
    return header;
}

void append_record(std::string& target, std::uint32_t seed, const RecordHeader& header,
                   std::string_view payload) {
    LB_ASSERT(payload.size() <= kRecordPayloadBytesMax);
    char bytes[kRecordHeaderBytes];
    store_little_endian(bytes + kRecordMagicOffset, kRecordMagic);
    store_little_endian(bytes + kRecordPayloadChecksum, crc32c(payload));
    store_little_endian(bytes + kRecordLength, static_cast<std::uint32_t>(payload.size()));
    store_little_endian(bytes + kRecordTypeOffset, static_cast<std::uint32_t>(header.type));
    store_little_endian(bytes + kRecordIndex, header.index);
    store_little_endian(bytes + kRecordAppended, static_cast<std::uint64_t>(header.appended_us));
    store_little_endian(bytes + kRecordHeaderChecksum, record_header_checksum(seed, bytes));
    target.append(bytes, sizeof bytes);
    target.append(payload);
    target.append(record_bytes(payload.size()) - kRecordHeaderBytes - payload.size(), '\0');
}

Parse parse_record(std::string_view bytes, std::uint32_t seed, RecordHeader& header) {
    if (bytes.size() < kRecordHeaderBytes) return is_zero(bytes) ? Parse::kEmpty : Parse::kPartial;
    const char* data = bytes.data();
    const auto magic = load_little_endian<std::uint32_t>(data + kRecordMagicOffset);
    if (magic == 0 && is_zero(bytes.substr(0, kRecordHeaderBytes))) return Parse::kEmpty;
    if (magic != kRecordMagic) return Parse::kBrokenHeader;
    if (load_little_endian<std::uint32_t>(data + kRecordHeaderChecksum) !=
        record_header_checksum(seed, data))
        return Parse::kBrokenHeader;
    const auto type = load_little_endian<std::uint32_t>(data + kRecordTypeOffset);
    header.payload_bytes = load_little_endian<std::uint32_t>(data + kRecordLength);
    if (header.payload_bytes > kRecordPayloadBytesMax ||
        (type != static_cast<std::uint32_t>(RecordType::kEvent) &&
         type != static_cast<std::uint32_t>(RecordType::kSeal)))
        return Parse::kBrokenHeader;
    header.type = static_cast<RecordType>(type);
    header.index = load_little_endian<std::uint32_t>(data + kRecordIndex);
    header.appended_us =
        static_cast<std::int64_t>(load_little_endian<std::uint64_t>(data + kRecordAppended));
    if (bytes.size() < record_bytes(header.payload_bytes)) return Parse::kPartial;
    const auto payload = bytes.substr(kRecordHeaderBytes, header.payload_bytes);
    if (load_little_endian<std::uint32_t>(data + kRecordPayloadChecksum) != crc32c(payload))
        return Parse::kBrokenPayload;
    return Parse::kRecord;
}

}  // namespace lb::spool
