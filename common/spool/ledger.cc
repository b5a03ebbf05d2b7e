#include "common/spool/ledger.h"

#include <optional>

#include "common/base/little_endian.h"
#include "common/frame/crc32c.h"

namespace lb::spool {

namespace {

// A slot: magic u32, checksum u32 of what follows, generation u64, segment u64, offset u64.
constexpr std::size_t kSlotUsedBytes = 32;
constexpr std::size_t kSlotChecksum = 4;
constexpr std::size_t kSlotGeneration = 8;
constexpr std::size_t kSlotSegment = 16;
constexpr std::size_t kSlotOffset = 24;
constexpr std::size_t kSlotCount = 2;

struct Slot {
    std::uint64_t generation = 0;
    Position settled;
};

std::string ledger_path(const std::string& lane_directory) {
    return lane_directory + "/ledger";
}

std::string encode_slot(const Slot& slot) {
    std::string bytes(kSlotUsedBytes, '\0');
    store_little_endian(bytes.data(), kLedgerMagic);
    store_little_endian(bytes.data() + kSlotGeneration, slot.generation);
    store_little_endian(bytes.data() + kSlotSegment, slot.settled.segment);
    store_little_endian(bytes.data() + kSlotOffset, slot.settled.offset);
    store_little_endian(bytes.data() + kSlotChecksum,
                        frame::crc32c(std::string_view(bytes).substr(kSlotGeneration)));
    return bytes;
}

std::optional<Slot> decode_slot(std::string_view bytes) {
    if (bytes.size() < kSlotUsedBytes) return std::nullopt;
    const char* data = bytes.data();
    if (load_little_endian<std::uint32_t>(data) != kLedgerMagic ||
        load_little_endian<std::uint32_t>(data + kSlotChecksum) !=
            frame::crc32c(bytes.substr(kSlotGeneration, kSlotUsedBytes - kSlotGeneration)))
        return std::nullopt;
    return Slot{load_little_endian<std::uint64_t>(data + kSlotGeneration),
                {load_little_endian<std::uint64_t>(data + kSlotSegment),
                 load_little_endian<std::uint64_t>(data + kSlotOffset)}};
}

// The newer of the slots that check.
Result<std::optional<Slot>> read_newest(env::File& file) {
    std::optional<Slot> newest;
    for (std::size_t number = 0; number < kSlotCount; ++number) {
        std::string bytes(kSlotUsedBytes, '\0');
        LB_TRY_ASSIGN(const std::size_t count, file.read_at(number * kLedgerSlotBytes, bytes));
        const auto slot = decode_slot(std::string_view(bytes).substr(0, count));
        if (slot && (!newest || slot->generation > newest->generation)) newest = slot;
    }
    return newest;
}

}  // namespace

Result<Position> read_settled(env::Env& env, const std::string& lane_directory) {
    const std::string path = ledger_path(lane_directory);
    auto file = env.open_file(path, env::OpenMode::kRead);
    if (!file.ok() && file.error().code == ErrorCode::kNotFound) return Position{};
    LB_TRY(file);
    LB_TRY_ASSIGN(const std::uint64_t size, (*file)->size());
    if (size == 0) return Position{};  // made, never written
    LB_TRY_ASSIGN(const auto slot, read_newest(**file));
    if (!slot) return Error{ErrorCode::kCorrupt, path + ": neither slot checks"};
    return slot->settled;
}

Result<std::unique_ptr<Ledger>> Ledger::open(env::Env& env, const std::string& lane_directory) {
    const std::string path = ledger_path(lane_directory);
    auto file = env.open_file(path, env::OpenMode::kReadWrite);
    if (!file.ok() && file.error().code == ErrorCode::kNotFound) {
        file = env.open_file(path, env::OpenMode::kCreateNew);
        LB_TRY(file);
        LB_TRY(env.sync_directory(lane_directory));
    }
    LB_TRY(file);
    LB_TRY_ASSIGN(const auto slot, read_newest(**file));
    auto ledger = std::unique_ptr<Ledger>(new Ledger(std::move(file).value()));
    if (slot) {
        ledger->generation_ = slot->generation;
        ledger->settled_ = slot->settled;
    }
    return ledger;
}

Status Ledger::write(std::uint64_t generation, Position settled) {
    return file_->write_at(generation % kSlotCount * kLedgerSlotBytes,
                           encode_slot({generation, settled}));
}

Status Ledger::settle(Position position) {
    if (position <= settled_) return {};
    LB_TRY(write(generation_ + 1, position));
    ++generation_;
    settled_ = position;
    is_dirty_ = true;
    return {};
}

Status Ledger::sync() {
    if (!is_dirty_) return {};
    // The system forgets what it could not sync, and would call the next sync a success.
    if (has_sync_failed_) LB_TRY(write(generation_, settled_));
    const Status status = file_->sync_data();
    has_sync_failed_ = !status.ok();
    LB_TRY(status);
    is_dirty_ = false;
    return {};
}

}  // namespace lb::spool
